//go:build !linux

package main

import "time"

// machineTime is not known here.
func machineTime() time.Duration { return 0 }
