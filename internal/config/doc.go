// Package config is the one place that knows property keys: their names,
// defaults, value syntax, scopes and help texts (the key table, keys_*.go), and
// how values come together from the site file, the environment, -D options and
// the master's cluster defaults.
//
// A Config is immutable and safe for concurrent use. Everything in it was
// parsed and checked when it was made: getters cannot fail. What differs (a
// merge of cluster defaults, a change at run time) is a new Config.
//
//	conf, err := config.Load(config.Options{Role: config.Worker})
//	size := conf.Bytes(config.UserBlockSizeBytesDefault)
//
// # Values
//
// Sizes are numbers with an optional unit (b, k, kb, ki, kib, m… to p…, any
// case, powers of 1024). Durations are whole numbers with an optional unit (ms,
// s, sec, m, min, h, hr, d, day and their long forms; milliseconds without).
// Lists are separated by commas. Unlike Alluxio, which silently takes
// "alluxio.master.rpc.port=abc" or "enabled=yes", a value that does not parse is
// an error that names key, value and place. ${key} refers to another key.
//
// # Priority
//
// DEFAULT < CLUSTER_DEFAULT < SITE_PROPERTY < SYSTEM_PROPERTY (environment, then
// JAVA_OPTS variables, then -D) < PATH_DEFAULT < RUNTIME.
//
// # Names
//
// A name is a declared key, one of its aliases, an instance of a template
// (alluxio.worker.tieredstore.level1.alias), a key of Alluxio that has no effect
// here (accepted with one warning, accepted.txt), or an error that suggests the
// nearest name.
//
// # Secrets
//
// Values of credential keys leave this package only as a Secret, or through
// UFSProperties for the store that needs them. No other method and no way of
// formatting a Config shows them.
package config
