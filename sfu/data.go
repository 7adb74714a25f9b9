package sfu

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/datachannel"
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

// smallMessage is how long a message may be, in bytes, that is read into memory which waits for it. It is chat; the parts of
// files are longer.
const smallMessage = 512

// largeMessages is memory for longer ones, which is borrowed when they are there.
var largeMessages = sync.Pool{New: func() any { return new([maxDataMessage]byte) }}

// channel is a data channel that the client opened.
type channel struct {
	dc *webrtc.DataChannel
	// from is what its messages are read from. pion would do it with a buffer of 64 kB for each channel.
	from datachannel.Reader
}

// acceptChannel runs in a goroutine of pion. Channels are known by their label; the newest of a label is used.
func (p *Peer) acceptChannel(dc *webrtc.DataChannel) {
	dc.OnOpen(func() { // before this nothing can be read
		from, err := dc.Detach()
		if err != nil {
			p.log.Warn("refused data channel", "label", dc.Label(), "err", err)
			return
		}
		p.post(func(time.Time) { p.openChannel(&channel{dc: dc, from: from}) })
	})
}

func (p *Peer) openChannel(c *channel) {
	label := c.dc.Label()
	former := p.channels[label]
	if former == nil && len(p.channels) >= maxChannels {
		_ = c.dc.Close()
		return
	}
	if former != nil { // or a client could have any number of them
		_ = former.dc.Close()
	}
	p.channels[label] = c
	p.emit(DataOpened{Label: label})
	p.loop(func() {
		p.readChannel(c)
		p.post(func(time.Time) {
			if p.channels[label] == c {
				delete(p.channels, label)
				p.emit(DataClosed{Label: label})
			}
		})
	})
}

// readChannel reads messages until the channel or the PeerConnection is closed, or one is too long.
func (p *Peer) readChannel(c *channel) {
	label := c.dc.Label()
	small := make([]byte, smallMessage)
	for {
		data, text, err := c.read(small)
		if err != nil {
			if errors.Is(err, io.ErrShortBuffer) { // longer than any may be
				_ = c.dc.Close()
			}
			return
		}
		p.post(func(time.Time) { p.emit(DataReceived{Label: label, Text: text, Data: data}) })
	}
}

// read waits for a message and copies it. One that finds too small a buffer stays where it is.
func (c *channel) read(small []byte) (data []byte, text bool, err error) {
	n, text, err := c.from.ReadDataChannel(small)
	if err == nil {
		return slices.Clone(small[:n]), text, nil
	}
	if !errors.Is(err, io.ErrShortBuffer) {
		return nil, false, err //nolint:wrapcheck // nobody is told
	}
	large, _ := largeMessages.Get().(*[maxDataMessage]byte)
	defer largeMessages.Put(large)
	if n, text, err = c.from.ReadDataChannel(large[:]); err != nil {
		return nil, false, err //nolint:wrapcheck // nobody is told
	}
	return slices.Clone(large[:n]), text, nil
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
