package sim

import (
	"fmt"
	"testing"
	"time"

	"hiroba/sfu/media"
)

func TestSmoke(t *testing.T) {
	v := map[string]Video{"vp8": VP8(), "simulcast": Simulcast(), "vp9": Scalable(media.VP9, false), "vp9key": Scalable(media.VP9, true), "av1": Scalable(media.AV1, false), "av1key": Scalable(media.AV1, true)}
	for name, video := range v {
		for _, loss := range []float64{0, 0.05} {
			w := NewWorld(1)
			s := NewServer(w)
			n := Network{Up: Path{Delay: 25 * time.Millisecond}, Down: Path{Delay: 25 * time.Millisecond}}
			bad := n
			bad.Down.Loss = RandomLoss(loss)
			a := s.Publish(Participant{Network: n, Video: &video, Audio: true, VideoDelay: 40 * time.Millisecond, AudioDelay: 20 * time.Millisecond})
			b := s.View(bad, 1)
			w.Run(time.Second)
			b.Seats[0].Show(a, 720)
			w.Run(20 * time.Second)
			b.Seats[0].Video.Finish()
			fmt.Println(name, loss, fmt.Sprintf("%+v\n  %+v", b.Seats[0].Video.ScreenCounts, b.Seats[0].Sent()), s.Dropped, b.Seats[0].Video.Residual(), "req", len(a.Video.Requests[0]), len(a.Video.Requests[1]), len(a.Video.Requests[2]), "listener", b.Seats[0].Audio.Packets, b.Seats[0].Audio.off)
		}
	}
}
