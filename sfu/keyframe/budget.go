package keyframe

import (
	"math"
	"time"
)

const (
	// share is how much of a stream may be keyframes in the long run, and ahead how many seconds' worth of the stream may go
	// to keyframes before that is earned. In any ten seconds it is less than a fifth together: the more there is of
	// keyframes the worse the picture is in between, at the same bitrate.
	share = 0.1
	ahead = 0.9
	// pause is after how long without any the next keyframe is granted whatever the last ones cost: where the picture hardly
	// moves, almost all there is are keyframes.
	pause = 6 * time.Second
	// memory bounds how long expensive keyframes that nobody asked for are held against the stream, in seconds.
	memory = 10
	// settle is the time constant with which the rate follows the stream, in seconds.
	settle = 5
)

// budget is what keyframes cost an encoding, in bytes. The zero value is ready.
type budget struct {
	counts Counts
	at     time.Time
	// rate is the stream's in bytes per second, times weight, which goes from 0 to 1 as more of the stream is known.
	rate, weight float64
	// debt is what was spent for keyframes and has not been earned back. Former is the size of the last keyframe, newest that
	// of the one that is coming, or came since.
	debt, former, newest float64
	// came is when the last keyframe did, whoever asked for it: encoders that are asked for one of one encoding make one of
	// all.
	came time.Time
}

// handle follows the stream.
func (b *budget) handle(now time.Time, c Counts) {
	if b.at.IsZero() { // what came before is past
		b.at, b.counts = now, c
		return
	}
	all, keyframes := float64(c.All-b.counts.All), float64(c.Keyframes-b.counts.Keyframes)
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		fade := math.Exp(-passed / settle)
		b.rate = b.rate*fade + all/passed*(1-fade)
		b.weight = b.weight*fade + 1 - fade
	} else {
		b.rate += all / settle
	}
	b.at, b.counts = now, c
	b.newest += keyframes
	b.debt = max(b.debt+keyframes-share*all, 0)
	b.debt = min(b.debt, (ahead+memory*share)*b.bytesPerSecond())
}

// handleKeyframe says that a keyframe begins.
func (b *budget) handleKeyframe() {
	b.came = b.at
	if b.newest > 0 {
		b.former, b.newest = b.newest, 0
	}
}

func (b *budget) bytesPerSecond() float64 {
	if b.weight == 0 {
		return 0
	}
	return b.rate / b.weight
}

// free is from when on another keyframe is in the budget, if one was last asked for at this instant.
func (b *budget) free(last time.Time) time.Time {
	rate := b.bytesPerSecond()
	over := b.debt - max(ahead*rate-max(b.former, b.newest), 0) // it will cost what the last one did
	if over <= 0 {
		return time.Time{}
	}
	if b.came.After(last) {
		last = b.came
	}
	latest := last.Add(pause)
	if wait := over / (share * rate); wait < pause.Seconds() {
		if at := b.at.Add(time.Duration(wait * float64(time.Second))); at.Before(latest) {
			return at
		}
	}
	return latest
}
