package sim

import (
	"time"

	"hiroba/sfu/rtptime"
	"hiroba/sfu/seqnum"
)

// reportsUsed is how many sender reports a browser fits a line through (libwebrtc, RtpToNtpEstimator).
const reportsUsed = 20

// receiverClock is what a browser knows of when a stream's media were captured: a line through the newest sender reports.
// Sound and pictures with the same capture time are played together.
type receiverClock struct {
	rate     float64
	counter  seqnum.Counter
	began    rtptime.NTP
	points   []clockPoint // the newest last
	refused  int
	slope    float64 // seconds for each unit
	meanTime float64
	meanRTP  float64
}

// clockPoint is a sender report: seconds since the first, and the timestamp.
type clockPoint struct{ seconds, timestamp float64 }

func newReceiverClock(rate uint32) receiverClock {
	return receiverClock{rate: float64(rate), counter: seqnum.NewCounter(32)}
}

// handleReport takes a sender report. One whose timestamp went back is refused, but not the third in a row.
func (c *receiverClock) handleReport(ntp rtptime.NTP, timestamp uint32) {
	if c.began == 0 {
		c.began = ntp
	}
	p := clockPoint{ntp.Sub(c.began).Seconds(), float64(c.counter.Extend(timestamp))}
	if n := len(c.points); n > 0 {
		last := c.points[n-1]
		if p.seconds <= last.seconds || p.timestamp <= last.timestamp || p.timestamp-last.timestamp > 1<<25 {
			if c.refused++; c.refused < 3 {
				return
			}
			c.points = c.points[:0]
		}
	}
	c.refused = 0
	c.points = append(c.points, p)
	if len(c.points) > reportsUsed {
		c.points = c.points[1:]
	}
	c.fit()
}

// fit finds the line by least squares.
func (c *receiverClock) fit() {
	n := float64(len(c.points))
	c.meanTime, c.meanRTP = 0, 0
	for _, p := range c.points {
		c.meanTime += p.seconds / n
		c.meanRTP += p.timestamp / n
	}
	covariance, variance := 0.0, 0.0
	for _, p := range c.points {
		covariance += (p.seconds - c.meanTime) * (p.timestamp - c.meanRTP)
		variance += (p.timestamp - c.meanRTP) * (p.timestamp - c.meanRTP)
	}
	if variance > 0 {
		c.slope = covariance / variance
	}
}

// captured is when media with this timestamp were captured on the server's clock, as the browser believes; false with fewer
// than two reports.
func (c *receiverClock) captured(timestamp uint32) (time.Time, bool) {
	if len(c.points) < 2 {
		return time.Time{}, false
	}
	probe := c.counter // must not move the counter
	rtp := float64(probe.Extend(timestamp))
	seconds := c.meanTime + (rtp-c.meanRTP)*c.slope
	return c.began.Time().Add(time.Duration(seconds * float64(time.Second))), true
}
