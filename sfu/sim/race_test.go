//go:build race

package sim_test

// raceDetector says that everything is ten times slower.
const raceDetector = true
