// Package version holds what this build calls itself.
package version

// Version is the release that servers and clients announce
// ("alluxio.version" of the configuration they exchange). It names the Alluxio
// line whose wire protocol is spoken, because existing clients compare it.
const Version = "2.9.5"

// Revision is the source revision of the build; the linker sets it
// (-ldflags "-X …/internal/version.Revision=…").
var Revision = "unknown"
