package client

import "testing"

func TestContinuity(t *testing.T) {
	type packet struct {
		seq uint16
		ts  uint32
	}
	for _, c := range []struct {
		name    string
		audio   bool
		packets []packet
		want    Continuity
	}{
		{"in order over the wrap", false, []packet{{65534, 0}, {65535, 0}, {0, 3000}, {1, 3000}}, Continuity{Packets: 4}},
		{"gap", false, []packet{{1, 0}, {4, 0}}, Continuity{Packets: 2, Missing: 2}},
		{"gap filled", false, []packet{{1, 0}, {4, 0}, {3, 0}, {2, 0}}, Continuity{Packets: 4, Recovered: 2}},
		{"duplicate", false, []packet{{1, 0}, {2, 0}, {2, 0}, {1, 0}}, Continuity{Packets: 2, Duplicates: 2}},
		{"restart below", false, []packet{{5000, 0}, {1000, 0}, {1001, 0}}, Continuity{Packets: 3, Jumps: 1}},
		{"restart above", false, []packet{{1000, 0}, {9000, 0}}, Continuity{Packets: 2, Jumps: 1}},
		{"time goes back", false, []packet{{1, 3000}, {2, 0}}, Continuity{Packets: 2, TimestampsBackward: 1}},
		{"time wraps", true, []packet{{1, 1<<32 - 960}, {2, 0}, {3, 960}}, Continuity{Packets: 3}},
		{"off the grid", true, []packet{{1, 0}, {2, 961}, {3, 1921}}, Continuity{Packets: 3, OffGrid: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := continuity{audio: c.audio}
			for _, p := range c.packets {
				m.handle(p.seq, p.ts)
			}
			if m.Continuity != c.want {
				t.Errorf("got %+v, want %+v", m.Continuity, c.want)
			}
		})
	}
}
