package room

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hiroba/signaling/protocol"
)

// The reasons of FileCancel, which are also how transfers are counted, with outcomeDone.
const (
	cancelCancelled  = "cancelled"
	cancelLeft       = "left"
	cancelTooSlow    = "too_slow"
	cancelBrokenRule = "broken_rule"
	outcomeDone      = "done"
)

// fileRelay passes files from one participant to another without keeping any of their bytes: the sender may run ahead
// of what the receiver has acknowledged by one window, so that what waits in the server is bounded. It is a machine
// without time: handle methods take what a client sent, takeOut hands out what is to be sent.
type fileRelay struct {
	limits                 protocol.Limits
	offers                 map[uint32]*fileOffer
	transfers              map[uint32]*transfer
	lastFile, lastTransfer uint32

	out []fileOut
	// bytes and outcomes count what was relayed and how transfers ended.
	bytes    uint64
	outcomes map[string]uint64
}

// fileOffer is a file that may be asked for.
type fileOffer struct {
	from    id
	message protocol.FileOffer // as others get it
}

// transfer is one file on its way to one receiver.
type transfer struct {
	file        *fileOffer
	to          id
	sent, acked int64
}

// fileOut is a message or a chunk for somebody, or a message for all others.
type fileOut struct {
	to       id
	toOthers bool
	message  protocol.Message
	chunk    []byte
}

func newFileRelay(limits protocol.Limits) fileRelay {
	return fileRelay{
		limits:    limits,
		offers:    make(map[uint32]*fileOffer),
		transfers: make(map[uint32]*transfer),
		outcomes:  make(map[string]uint64),
	}
}

// takeOut hands out what is to be sent, in order.
func (r *fileRelay) takeOut() []fileOut {
	out := r.out
	r.out = nil
	return out
}

func (r *fileRelay) send(to id, m protocol.Message) {
	r.out = append(r.out, fileOut{to: to, message: m})
}

func (r *fileRelay) sendOthers(than id, m protocol.Message) {
	r.out = append(r.out, fileOut{to: than, toOthers: true, message: m})
}

// openOffers is what somebody who opens the file channel can ask for.
func (r *fileRelay) openOffers(reader id) (open []protocol.FileOffer) {
	for _, file := range slices.Sorted(maps.Keys(r.offers)) {
		if offer := r.offers[file]; offer.from != reader {
			open = append(open, offer.message)
		}
	}
	return open
}

// handleOffer announces a file to all others.
func (r *fileRelay) handleOffer(from id, m protocol.FileOffer) error {
	if err := r.checkOffer(m); err != nil {
		return err
	}
	open := 0
	for _, offer := range r.offers {
		if offer.from == from {
			open++
		}
	}
	if open >= maxFileOffers {
		return refuse(ErrBadFile, "%d files are offered already", open)
	}
	r.lastFile++
	mark := m.ID
	m.ID, m.File, m.From = "", r.lastFile, from
	r.offers[m.File] = &fileOffer{from, m}
	r.sendOthers(from, m)
	m.ID, m.From = mark, ""
	r.send(from, m)
	return nil
}

func (r *fileRelay) checkOffer(m protocol.FileOffer) error {
	hidden := func(c rune) bool { return unicode.IsControl(c) || isBidiControl(c) }
	switch {
	case len(m.ID) > protocol.MarkBytes:
		return refuse(ErrBadFile, "its id has more than %d bytes", protocol.MarkBytes)
	case m.Size < 0 || m.Size > r.limits.FileBytes:
		return refuse(ErrBadFile, "size %d, at most %d allowed", m.Size, r.limits.FileBytes)
	case m.Name == "" || len(m.Name) > maxFileNameBytes || !utf8.ValidString(m.Name):
		return refuse(ErrBadFile, "its name must be UTF-8 of 1 to %d bytes", maxFileNameBytes)
	case strings.ContainsAny(m.Name, `/\`) || strings.Trim(m.Name, ". ") == "" || strings.ContainsFunc(m.Name, hidden):
		return refuse(ErrBadFile, "name %q", m.Name)
	case len(m.MIME) > maxMIMEBytes || strings.ContainsFunc(m.MIME, func(c rune) bool { return c < ' ' || c > '~' }):
		return refuse(ErrBadFile, "MIME type %q", m.MIME)
	}
	return nil
}

// handleAccept starts a transfer.
func (r *fileRelay) handleAccept(to id, m protocol.FileAccept) error {
	offer := r.offers[m.File]
	switch {
	case offer == nil:
		return refuse(ErrBadFile, "no file %d is offered", m.File)
	case offer.from == to:
		return refuse(ErrBadFile, "file %d is your own", m.File)
	}
	of := map[id]int{}
	for _, t := range r.transfers {
		of[t.to]++
		of[t.file.from]++
		if t.file == offer && t.to == to {
			return refuse(ErrBadFile, "file %d is on its way already", m.File)
		}
	}
	switch {
	case of[to] >= r.limits.FileTransfers:
		return refuse(ErrBadFile, "%d transfers are open already", of[to])
	case of[offer.from] >= r.limits.FileTransfers:
		return refuse(ErrBadFile, "the sender has %d transfers open already", of[offer.from])
	}
	r.lastTransfer++
	r.transfers[r.lastTransfer] = &transfer{file: offer, to: to}
	start := protocol.FileStart{File: m.File, Transfer: r.lastTransfer, To: to}
	r.send(to, start)
	r.send(offer.from, start)
	return nil
}

// handleChunk passes one chunk on. It aliases raw from then on.
func (r *fileRelay) handleChunk(from id, raw []byte) error {
	c, err := protocol.ParseChunk(raw)
	if err != nil {
		return refuse(ErrBadFile, "%v", err)
	}
	t := r.transfers[c.Transfer]
	if t == nil {
		return nil // was on its way when the transfer was cancelled
	}
	if t.file.from != from {
		return refuse(ErrBadFile, "transfer %d is not yours", c.Transfer)
	}
	size := int64(len(c.Payload))
	ahead := t.sent + size - t.acked
	if size > int64(r.limits.FileChunkBytes) || c.Offset != uint64(t.sent) || //nolint:gosec // not negative
		t.sent+size > t.file.message.Size || ahead > int64(r.limits.FileWindowBytes) {
		r.cancelBoth(c.Transfer, cancelBrokenRule)
		return nil
	}
	t.sent += size
	r.bytes += uint64(size)
	r.out = append(r.out, fileOut{to: t.to, chunk: raw})
	return nil
}

// handleAck passes on what the receiver has, which opens the window; with the last byte the transfer is done.
func (r *fileRelay) handleAck(from id, m protocol.FileAck) error {
	t := r.transfers[m.Transfer]
	if t == nil {
		return nil
	}
	switch {
	case t.to != from:
		return refuse(ErrBadFile, "transfer %d is not yours", m.Transfer)
	case m.Bytes < t.acked || m.Bytes > t.sent:
		r.cancelBoth(m.Transfer, cancelBrokenRule)
		return nil
	case m.Bytes == t.acked && m.Bytes < t.file.message.Size:
		return nil
	}
	t.acked = m.Bytes
	r.send(t.file.from, m)
	if t.acked == t.file.message.Size {
		done := protocol.FileDone{File: t.file.message.File, Transfer: m.Transfer}
		r.end(m.Transfer, outcomeDone)
		r.send(t.to, done)
		r.send(t.file.from, done)
	}
	return nil
}

// handleCancel ends a transfer, or withdraws an offer with its transfers.
func (r *fileRelay) handleCancel(from id, m protocol.FileCancel) error {
	if m.Transfer == 0 {
		offer := r.offers[m.File]
		switch {
		case offer == nil:
		case offer.from != from:
			return refuse(ErrBadFile, "file %d is not yours", m.File)
		default:
			r.withdraw(offer, cancelCancelled)
		}
		return nil
	}
	t := r.transfers[m.Transfer]
	switch {
	case t == nil:
	case t.to != from && t.file.from != from:
		return refuse(ErrBadFile, "transfer %d is not yours", m.Transfer)
	default:
		r.cancelFor(m.Transfer, from, cancelCancelled)
	}
	return nil
}

// leave ends all transfers of a participant for a reason and withdraws what it offers.
func (r *fileRelay) leave(who id, reason string) {
	for _, n := range slices.Sorted(maps.Keys(r.transfers)) {
		if t := r.transfers[n]; t.to == who || t.file.from == who {
			r.cancelFor(n, who, reason)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.offers)) {
		if offer := r.offers[file]; offer.from == who {
			r.withdraw(offer, cancelLeft)
		}
	}
}

// withdraw takes an offer back, with its transfers.
func (r *fileRelay) withdraw(offer *fileOffer, reason string) {
	for _, n := range slices.Sorted(maps.Keys(r.transfers)) {
		if r.transfers[n].file == offer {
			r.cancelFor(n, offer.from, reason)
		}
	}
	delete(r.offers, offer.message.File)
	r.sendOthers(offer.from, protocol.FileCancel{File: offer.message.File, Reason: reason})
}

// cancelFor ends a transfer that one side gave up, and tells the other.
func (r *fileRelay) cancelFor(n uint32, side id, reason string) {
	t := r.end(n, reason)
	other := t.to
	if other == side {
		other = t.file.from
	}
	r.send(other, protocol.FileCancel{File: t.file.message.File, Transfer: n, Reason: reason})
}

// cancelBoth ends a transfer and tells both sides.
func (r *fileRelay) cancelBoth(n uint32, reason string) {
	t := r.end(n, reason)
	m := protocol.FileCancel{File: t.file.message.File, Transfer: n, Reason: reason}
	r.send(t.to, m)
	r.send(t.file.from, m)
}

func (r *fileRelay) end(n uint32, outcome string) *transfer {
	t := r.transfers[n]
	delete(r.transfers, n)
	r.outcomes[outcome]++
	return t
}
