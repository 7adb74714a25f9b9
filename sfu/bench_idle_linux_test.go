package sfu_test

import (
	"runtime"
	"testing"
	"time"

	"hiroba/sfu"
)

// BenchmarkIdle is what a participant costs of whom nothing comes and to whom nothing goes: memory, goroutines, and the
// processor's time for checks of ICE and what else ticks. It has eight seats, a camera, a microphone and a data channel.
func BenchmarkIdle(b *testing.B) {
	for _, test := range []struct {
		name string
		cfg  sfu.Config
	}{
		{"ours-pion-path", sfu.Config{PionPath: true}},
		{"ours", sfu.Config{}},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() { // once: it takes far longer than -benchtime
				measureIdle(b, test.cfg)
			}
		})
	}
}

func measureIdle(b *testing.B, cfg sfu.Config) {
	b.Helper()
	const members = 100
	e, f := newBenchEngine(b, cfg), startFarm(b)
	memory := func() (m runtime.MemStats) {
		for range 3 { // pools need two
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m
	}
	before, goroutines, joining := memory(), runtime.NumGoroutine(), used(b)
	for range members {
		ownClient(b, e, f, farmMember)
	}
	f.order(farmOrder{Op: "connected"})
	time.Sleep(3 * time.Second)
	joined := used(b)
	after := memory()
	idle := used(b)
	const idleSpan = 8 * time.Second // several rounds of checks
	time.Sleep(idleSpan)
	ticking := used(b)
	b.ReportMetric(0, "ns/op") // means nothing here
	b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/members/1024, "heap-KiB/peer")
	b.ReportMetric(float64(after.StackInuse-before.StackInuse)/members/1024, "stack-KiB/peer")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/members, "goroutines/peer")
	b.ReportMetric((joined.cpu-joining.cpu).Seconds()/members*1000, "join-ms/peer")
	b.ReportMetric((ticking.cpu-idle.cpu).Seconds()/idleSpan.Seconds()/members*1000, "idle-ms/s/peer")
}
