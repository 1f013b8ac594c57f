package rpc

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// AuthType is how callers prove who they are. The values are those of the
// property alluxio.security.authentication.type.
type AuthType string

// The authentication types.
const (
	NoSASL AuthType = "NOSASL" // nobody is asked; permissions are not checked
	Simple AuthType = "SIMPLE" // callers are who they say they are
	Custom AuthType = "CUSTOM" // ServerOptions.Verify decides about user and password
)

// ParseAuthType reads a value of alluxio.security.authentication.type.
func ParseAuthType(s string) (AuthType, error) {
	t := AuthType(s)
	if slices.Contains([]AuthType{NoSASL, Simple, Custom}, t) {
		return t, nil
	}
	return "", errors.Errorf(errors.Invalid,
		"authentication type %q is not supported; alluxio.security.authentication.type may be NOSASL, SIMPLE or CUSTOM", s)
}

// defaultPassword is sent where the type of authentication asks for none. Java
// servers refuse an empty one.
const defaultPassword = "noPassword"

// plain is the message of SASL PLAIN (RFC 4616).
type plain struct {
	authorize string // whom to act as; empty means as authenticate
	user      string
	password  string
}

// encode returns the wire form.
func (p plain) encode() []byte {
	return []byte(p.authorize + "\x00" + p.user + "\x00" + p.password)
}

// parsePlain reads the wire form. User and password must not be empty.
func parsePlain(b []byte) (plain, error) {
	parts := bytes.Split(b, []byte{0})
	if len(parts) != 3 || !utf8.Valid(b) {
		return plain{}, errors.Errorf(errors.Unauthenticated,
			"Plain authentication failed: the message must be three UTF-8 texts separated by NUL")
	}
	p := plain{authorize: string(parts[0]), user: string(parts[1]), password: string(parts[2])}
	switch {
	case p.user == "":
		return plain{}, errors.Errorf(errors.Unauthenticated, "Plain authentication failed: No authentication ID provided")
	case p.password == "":
		return plain{}, errors.Errorf(errors.Unauthenticated, "Plain authentication failed: No password provided")
	}
	return p, nil
}

// Impersonation says who may act as whom.
type Impersonation struct {
	// Users maps a login to the users it may act as; "*" means anyone
	// (alluxio.master.security.impersonation.<login>.users).
	Users map[string][]string
	// Groups maps a login to the groups whose members it may act as; "*" means
	// anyone (alluxio.master.security.impersonation.<login>.groups).
	Groups map[string][]string
	// GroupsOf returns the groups of a user. With nil no user has any.
	GroupsOf func(user string) ([]string, error)
}

// Allow returns nil if login may act as target. Acting as oneself is no
// impersonation.
func (im Impersonation) Allow(login, target string) error {
	if login == target {
		return nil
	}
	if allowed := im.Users[login]; slices.Contains(allowed, "*") || slices.Contains(allowed, target) {
		return nil
	}
	allowed := im.Groups[login]
	if slices.Contains(allowed, "*") {
		return nil
	}
	if len(allowed) > 0 && im.GroupsOf != nil {
		groups, err := im.GroupsOf(target)
		if err != nil {
			return errors.Errorf(errors.Unauthenticated,
				"Failed to look up the groups of user %q, whom %q wants to act as: %v", target, login, err)
		}
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(allowed, g) }) {
			return nil
		}
	}
	return errors.Errorf(errors.Unauthenticated,
		"Failed to authenticate client user=%q connecting to Alluxio server and impersonating as impersonationUser=%q. "+
			"Set alluxio.master.security.impersonation.%s.users or .groups on the server to allow it.", login, target, login)
}
