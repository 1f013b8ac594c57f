package rpc

import "context"

// User is who makes a call.
type User struct {
	// Name is the user whose permissions count: the impersonated one if any.
	Name string
	// Login is the user that authenticated. It differs from Name only under
	// impersonation.
	Login string
}

type userKey struct{}

// WithUser returns a context that carries the user of a call.
func WithUser(ctx context.Context, u User) context.Context {
	return context.WithValue(ctx, userKey{}, u)
}

// UserFrom returns the user of the call that ctx belongs to. There is none when
// authentication is off (NOSASL) and in calls that need no login.
func UserFrom(ctx context.Context) (User, bool) {
	u, ok := ctx.Value(userKey{}).(User)
	return u, ok
}
