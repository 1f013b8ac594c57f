package journal

import (
	stderrors "errors"

	"github.com/alluxio-go/alluxio/internal/errors"
)

var (
	// ErrNotLeader means that this node does not lead (any more): the record
	// was not applied and never will be. Its kind is Unavailable.
	ErrNotLeader = errors.Errorf(errors.Unavailable, "this master is not the leader")

	// ErrUncertain means that leadership, or the caller's patience, ended
	// between sending the record and learning its fate: it may be applied now,
	// later or never. Its kind is Unavailable: a retry must carry the same
	// operation id. Errors that wrap it say why.
	ErrUncertain = errors.Errorf(errors.Unavailable, "the outcome of the operation is not known")
)

// IsUncertain reports whether the record that err is about may have been
// applied, or still be.
func IsUncertain(err error) bool { return stderrors.Is(err, ErrUncertain) }

// uncertain is an ErrUncertain with its reason.
func uncertain(reason string) error {
	return errors.Errorf(errors.Unavailable, "%w: %s", ErrUncertain, reason)
}
