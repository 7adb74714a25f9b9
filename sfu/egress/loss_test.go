package egress_test

import (
	"testing"

	"hiroba/sfu/egress"
)

func TestLossCountsEachPacketOnceAndBelievesNoWonders(t *testing.T) {
	type report struct{ highest, total uint32 }
	for name, test := range map[string]struct {
		reports []report
		want    uint64
	}{
		"nothing lost":                {[]report{{100, 0}, {200, 0}}, 0},
		"what was lost since":         {[]report{{100, 3}, {200, 10}, {300, 12}}, 9},
		"a report that comes twice":   {[]report{{100, 0}, {200, 5}, {200, 5}}, 5},
		"a report that comes late":    {[]report{{100, 0}, {300, 8}, {200, 5}}, 8},
		"packets that came twice":     {[]report{{100, 0}, {200, 0xFFFFFF}, {300, 4}}, 5},
		"more than there were":        {[]report{{100, 0}, {110, 9000}}, 10},
		"more than can be":            {[]report{{100, 0}, {1 << 30, 1 << 20}}, 1 << 12},
		"the numbers begin anew":      {[]report{{0xFFFFFFF0, 0xFFFFFE}, {0x10, 3}}, 5},
		"a first report says nothing": {[]report{{100, 90}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l egress.Loss
			got := uint64(0)
			for _, r := range test.reports {
				got += l.HandleReport(r.highest, r.total)
			}
			if got != test.want {
				t.Errorf("%d packets, want %d", got, test.want)
			}
		})
	}
}
