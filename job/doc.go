// Package job answers Alluxio's job service for the clients that still ask for
// one: the Java shell's distributedLoad, `job` commands and reports.
//
// It owns the list of commands that were submitted, their execution with the
// client library, and the decoding of what Java sends: requests are Java
// objects inside of protobuf.
//
// It never does what has no job service here: persisting and replication are the
// business of master and workers, and copying (distributedCp) is done by the
// command line. Such requests are refused with a text that says what to use.
//
// A command runs as the user who submitted it, with that user's permissions.
// Nothing survives a restart or a change of the leading master: what was loaded
// stays loaded, the list of commands is lost. Memory is bounded: commands that
// wait, commands that are remembered, and the paths remembered for them.
//
// Lock: Service.mu is a leaf, never held during calls.
package job
