package flight

import (
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

// Dump is a copy of what a Recorder kept, in the order of time.
type Dump struct {
	Records []Record
	Seconds []Second
	// Decided is how many decisions there were in all; those beyond Records are forgotten.
	Decided uint64
}

// recordJSON is a decision as a dump spells it.
type recordJSON struct {
	At          string     `json:"at"`
	Participant string     `json:"participant"`
	Kind        string     `json:"kind"`
	Seat        *uint8     `json:"seat,omitempty"`
	Media       string     `json:"media,omitempty"`
	Track       media.CSRC `json:"track,omitempty"`
	From        *layerJSON `json:"from,omitempty"`
	To          *layerJSON `json:"to,omitempty"`
	Encoding    *int8      `json:"encoding,omitempty"`
	Packets     uint32     `json:"packets,omitempty"`
}

type layerJSON struct {
	Spatial  int8 `json:"spatial"`
	Temporal int8 `json:"temporal"`
}

// secondJSON is a second as a dump spells it.
type secondJSON struct {
	At          string            `json:"at"`
	Participant string            `json:"participant"`
	Kind        string            `json:"kind"`
	Packets     uint32            `json:"packets"`
	Bytes       uint32            `json:"bytes"`
	NACKs       uint32            `json:"nacks"`
	RTX         uint32            `json:"rtx"`
	PLIs        uint32            `json:"plis"`
	RTTMs       float64           `json:"rttMs,omitempty"`
	Estimate    media.Bitrate     `json:"estimateBps,omitempty"`
	Drops       map[string]uint32 `json:"drops,omitempty"`
	Waiting     []int             `json:"waitingSeats,omitempty"`
}

// WriteJSON writes one JSON object for each decision and each second, a line each, in the order of time. ARCHITECTURE.md
// lists the fields.
func (d Dump) WriteJSON(w io.Writer, participant string) error {
	out := json.NewEncoder(w)
	records, seconds := d.Records, d.Seconds
	for len(records)+len(seconds) > 0 {
		var line any
		if len(seconds) == 0 || (len(records) > 0 && records[0].At <= seconds[0].At) {
			line, records = records[0].json(participant), records[1:]
		} else {
			line, seconds = seconds[0].json(participant), seconds[1:]
		}
		if err := out.Encode(line); err != nil {
			return fmt.Errorf("write flight record: %w", err)
		}
	}
	return nil
}

func (r Record) json(participant string) recordJSON {
	j := recordJSON{At: stamp(r.At), Participant: participant, Kind: r.Kind.String(), Track: r.Track}
	if r.Media != 0 {
		j.Seat, j.Media = &r.Seat, r.Media.String()
	}
	switch r.Kind {
	case Wanted, Layer:
		j.From, j.To = (*layerJSON)(&r.From), (*layerJSON)(&r.To)
	case KeyframeWanted, KeyframeSent:
		j.Encoding = &r.To.Spatial
	case Replayed:
		j.Packets = r.Count
	default: // the track says it all
	}
	return j
}

func (s *Second) json(participant string) secondJSON {
	j := secondJSON{
		At: stamp(s.At), Participant: participant, Kind: "second", Packets: s.Packets, Bytes: s.Bytes,
		NACKs: s.NACKs, RTX: s.RTX, PLIs: s.PLIs, RTTMs: s.RTT.Seconds() * 1000, Estimate: s.Estimate,
	}
	for reason, n := range s.Drops {
		if n != 0 {
			if j.Drops == nil {
				j.Drops = make(map[string]uint32)
			}
			j.Drops[stats.Reason(reason).String()] = n
		}
	}
	for waiting := s.Waiting; waiting != 0; waiting &= waiting - 1 {
		j.Waiting = append(j.Waiting, bits.TrailingZeros64(waiting))
	}
	return j
}

func stamp(at int64) string { return time.Unix(0, at).UTC().Format("2006-01-02T15:04:05.000000Z07:00") }
