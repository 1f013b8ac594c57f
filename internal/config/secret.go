package config

import (
	"fmt"
	"log/slog"
)

// Masked is what a secret looks like wherever it is shown.
const Masked = "******"

// Secret is a credential. Every way of formatting, logging or encoding it
// yields Masked; only Reveal gives the value.
type Secret struct{ raw string }

// NewSecret wraps a credential.
func NewSecret(raw string) Secret { return Secret{raw} }

// Reveal returns the credential itself, for the code that signs with it.
func (s Secret) Reveal() string { return s.raw }

// IsZero reports whether there is no credential.
func (s Secret) IsZero() bool { return s.raw == "" }

// String returns Masked, or "" for no credential.
func (s Secret) String() string {
	if s.raw == "" {
		return ""
	}
	return Masked
}

// Format prints String for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// MarshalText encodes String; encoding/json and others use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue makes slog print String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
