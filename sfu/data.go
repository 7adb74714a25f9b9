package sfu

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	// maxChannels bounds the data channels of one client.
	maxChannels = 8
	// maxQueued is how much may wait for a client that does not read, in bytes, per channel.
	maxQueued = 4 << 20
	// maxDataMessage bounds one message of a client, in bytes.
	maxDataMessage = 64 << 10
)

// channel is a data channel that the client opened.
type channel struct{ dc *webrtc.DataChannel }

// acceptChannel runs in a goroutine of pion. Channels are known by their label; the newest of a label is used.
func (p *Peer) acceptChannel(dc *webrtc.DataChannel) {
	label := dc.Label()
	// pion calls OnOpen in a goroutine of its own, so that a message may come first.
	opened := sync.OnceFunc(func() {
		p.post(func(time.Time) {
			if _, known := p.channels[label]; !known && len(p.channels) >= maxChannels {
				_ = dc.Close()
				return
			}
			p.channels[label] = &channel{dc: dc}
			p.emit(DataOpened{Label: label})
		})
	})
	dc.OnOpen(opened)
	dc.OnClose(func() {
		p.post(func(time.Time) {
			if c := p.channels[label]; c != nil && c.dc == dc {
				delete(p.channels, label)
				p.emit(DataClosed{Label: label})
			}
		})
	})
	dc.OnMessage(func(m webrtc.DataChannelMessage) {
		opened()
		if len(m.Data) <= maxDataMessage {
			p.post(func(time.Time) { p.emit(DataReceived{Label: label, Text: m.IsString, Data: m.Data}) })
		}
	})
}

// SendData queues a message on the data channel of a label. It is dropped when the client has not opened one. A client
// that lets too much wait loses the channel, and DataOverflowed tells so.
func (p *Peer) SendData(label string, text bool, data []byte) {
	p.post(func(time.Time) {
		c := p.channels[label]
		if c == nil {
			return
		}
		if c.dc.BufferedAmount()+uint64(len(data)) > maxQueued {
			delete(p.channels, label)
			_ = c.dc.Close()
			p.emit(DataOverflowed{Label: label})
			return
		}
		var err error
		if text {
			err = c.dc.SendText(string(data))
		} else {
			err = c.dc.Send(data)
		}
		if err != nil {
			p.log.Debug("data channel refused message", "label", label, "err", err)
		}
	})
}

// CloseData closes the data channel of a label, for a client that broke a rule on it.
func (p *Peer) CloseData(label string) {
	p.post(func(time.Time) {
		if c := p.channels[label]; c != nil {
			delete(p.channels, label)
			_ = c.dc.Close()
		}
	})
}
