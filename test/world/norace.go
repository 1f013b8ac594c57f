//go:build !race

package world

// raceDetector makes the binaries under test report data races, like the test
// itself.
const raceDetector = false
