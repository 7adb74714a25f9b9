package main

import (
	"testing"
	"time"
)

func TestUsageIsMeasured(t *testing.T) {
	before := usage()
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); { //nolint:revive // it is the work
	}
	after := usage()
	if after.CPU <= before.CPU || after.Cores <= 0 || after.Descriptors < 3 || after.MaxDescriptors < after.Descriptors {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestQuotas(t *testing.T) {
	for text, want := range map[string]float64{
		"150000 100000\n": 1.5, "max 100000\n": 0, "": 0, "1": 0, "-1 100000": 0, "50000 0": 0, "x y": 0,
	} {
		if got, ok := parseQuota(text); got != want || ok != (want > 0) {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
}
