package flight

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

// Line records what is decided about one m-line of a seat. It knows what it noted last, so that callers may repeat
// themselves. Make it with Recorder.Line.
type Line struct {
	recorder *Recorder
	seat     uint8
	media    media.Kind
	// What was noted last.
	asked, sent   media.CSRC
	wanted, layer media.Layer
	// wish is the keyframe that is wanted and has not come: an encoding of wishOf; -1 is none.
	wish   int8
	wishOf media.CSRC
	// keyframe is when the newest KeyframeSent was noted.
	keyframe time.Time
}

// keyframeInterval is how often keyframes are noted that nobody waited for. Some encoders make nothing else.
const keyframeInterval = time.Second

// none is no layer at all.
var none = media.Layer{Spatial: -1}

// Line makes the line of a seat's m-line. Seats count from 0 and are at most 64.
func (r *Recorder) Line(seat int, kind media.Kind) Line {
	return Line{recorder: r, seat: uint8(seat & 0x3F), media: kind, wanted: none, layer: none, wish: -1}
}

func (l *Line) record(now time.Time, d Record) {
	d.Seat, d.Media = l.seat, l.media
	l.recorder.Record(now, d)
}

// Asked notes who should sit here, if it is somebody else than before; 0 is nobody.
func (l *Line) Asked(now time.Time, track media.CSRC) {
	if track == l.asked {
		return
	}
	l.record(now, Record{Kind: Asked, Track: track})
	l.asked, l.wanted = track, none
	if track == 0 {
		l.sent, l.layer = 0, none // at once
	}
}

// Switched notes who is sent, if it is somebody else than before.
func (l *Line) Switched(now time.Time, track media.CSRC) {
	if track != l.sent {
		l.record(now, Record{Kind: Switched, Track: track})
		l.sent = track
	}
}

// Wanted notes which layer of the track should be sent, if it is another than before.
func (l *Line) Wanted(now time.Time, track media.CSRC, wanted media.Layer) {
	if wanted != l.wanted {
		l.record(now, Record{Kind: Wanted, Track: track, From: l.wanted, To: wanted})
		l.wanted = wanted
	}
}

// Layer notes which layer of the track is sent, if it is another than before. It returns both; they are the same when
// nothing changed.
func (l *Line) Layer(now time.Time, track media.CSRC, layer media.Layer) (from, to media.Layer) {
	from = l.layer
	if layer == from || l.media != media.Video {
		return from, from
	}
	l.record(now, Record{Kind: Layer, Track: track, From: from, To: layer})
	l.layer = layer
	return from, layer
}

// KeyframeWanted notes that a keyframe of an encoding of the track is asked for, if that is a new wish.
func (l *Line) KeyframeWanted(now time.Time, track media.CSRC, encoding int8) {
	if l.wish != encoding || l.wishOf != track {
		l.record(now, Record{Kind: KeyframeWanted, Track: track, To: media.Layer{Spatial: encoding}})
		l.wish, l.wishOf = encoding, track
	}
}

// Sent counts n bytes of a packet that was sent. With keyframe it is the first of a keyframe of this encoding.
func (l *Line) Sent(now time.Time, n int, track media.CSRC, encoding int8, keyframe bool) {
	l.recorder.second.Packets++
	l.recorder.second.Bytes += uint32(n) //nolint:gosec // of one packet
	if !keyframe || l.media != media.Video {
		return
	}
	fulfilled := l.wish == encoding && l.wishOf == track
	if !fulfilled && now.Sub(l.keyframe) < keyframeInterval {
		return
	}
	l.record(now, Record{Kind: KeyframeSent, Track: track, To: media.Layer{Spatial: encoding}})
	l.keyframe = now
	if fulfilled {
		l.wish = -1
	}
}

// Replayed notes that packets from the track's last keyframe on were sent at once.
func (l *Line) Replayed(now time.Time, track media.CSRC, packets int64) {
	l.record(now, Record{Kind: Replayed, Track: track, Count: uint32(packets)}) //nolint:gosec // a short history
}

// Dropped counts a packet that was not sent.
func (l *Line) Dropped(reason stats.Reason) {
	l.recorder.second.Drops[reason]++
	if reason == stats.AwaitingKeyframe {
		l.recorder.second.Waiting |= 1 << l.seat
	}
}

// NACK counts a packet that the subscriber asked for again, and RTX one that it was sent again; PLI counts a PLI or FIR.
func (l *Line) NACK() { l.recorder.second.NACKs++ }

// RTX is explained at NACK.
func (l *Line) RTX() { l.recorder.second.RTX++ }

// PLI is explained at NACK.
func (l *Line) PLI() { l.recorder.second.PLIs++ }
