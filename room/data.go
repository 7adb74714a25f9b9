package room

import (
	"errors"
	"time"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

// handleDataOpened notes a data channel. Who opens the file channel is told what is offered.
func (s *state) handleDataOpened(p *participant, label string) {
	switch label {
	case protocol.LabelChat:
		p.chatOpen = true
	case protocol.LabelFile:
		p.fileOpen = true
		for _, offer := range s.files.openOffers(p.id) {
			s.sendFile(p, offer)
		}
	}
}

// handleDataClosed notes the end of a data channel. Chat goes on over the WebSocket, file transfers end.
func (s *state) handleDataClosed(now time.Time, p *participant, label, reason string) {
	switch {
	case label == protocol.LabelChat && p.chatOpen:
		p.chatOpen = false
		s.repeatHistory(now, p)
	case label == protocol.LabelFile && p.fileOpen:
		p.fileOpen = false
		s.files.leave(p.id, reason)
		s.relayFiles()
	}
}

// handleData takes a message of a data channel.
func (s *state) handleData(now time.Time, p *participant, e sfu.DataReceived) {
	if _, ok := p.dataSpent.take(now, dataRate); !ok {
		s.tell(p, refusalMessage(refuse(ErrRateLimited, "on data channels"), "", "", 0))
		s.expel(now, p, protocol.ByeProtocol)
		return
	}
	switch e.Label {
	case protocol.LabelChat:
		s.handleChatData(now, p, e)
	case protocol.LabelFile:
		if !p.fileOpen {
			return // on its way when the channel was closed
		}
		if e.Text {
			s.handleFileMessage(now, p, e.Data)
		} else if err := s.files.handleChunk(p.id, e.Data); err != nil {
			s.refuseFile(now, p, err, "", "")
		}
		s.relayFiles()
	}
}

func (s *state) handleChatData(now time.Time, p *participant, e sfu.DataReceived) {
	if !e.Text || len(e.Data) > s.rules.limits.MessageBytes {
		s.refuse(now, p, refuse(ErrBadMessage, "on the chat channel"), "", "")
		return
	}
	m, re, err := protocol.DecodeClient(e.Data)
	if err != nil {
		s.refuse(now, p, decodeError(err), re, "")
		return
	}
	if ping, ok := m.(protocol.Ping); ok {
		s.emit(sendData{p.id, protocol.LabelChat, true, encode(protocol.Pong(ping))})
		return
	}
	if _, ok := m.(protocol.ChatSend); !ok {
		s.refuse(now, p, refuse(ErrUnknownType, "it belongs on the WebSocket"), re, "")
		return
	}
	s.handleMessage(now, p, m)
}

// handleFileMessage takes a text message of the file channel.
func (s *state) handleFileMessage(now time.Time, p *participant, data []byte) {
	if len(data) > s.rules.limits.MessageBytes {
		s.refuseFile(now, p, refuse(ErrBadMessage, "more than %d bytes", s.rules.limits.MessageBytes), "", "")
		return
	}
	m, re, err := protocol.DecodeFile(data)
	if err != nil {
		s.refuseFile(now, p, decodeError(err), re, "")
		return
	}
	if ack, ok := m.(protocol.FileAck); ok { // as frequent as chunks
		if err := s.files.handleAck(p.id, ack); err != nil {
			s.refuseFile(now, p, err, re, "")
		}
		return
	}
	if _, ok := p.fileSpent.take(now, fileRate); !ok {
		s.refuseFile(now, p, ErrRateLimited, re, "")
		return
	}
	switch m := m.(type) {
	case protocol.FileOffer:
		err = s.files.handleOffer(p.id, m)
	case protocol.FileAccept:
		err = s.files.handleAccept(p.id, m)
	case protocol.FileCancel:
		err = s.files.handleCancel(p.id, m)
	default:
		err = refuse(ErrUnknownType, "only the server sends it")
	}
	if err != nil {
		s.refuseFile(now, p, err, re, markOf(m))
	}
}

// relayFiles sends what the file relay wants sent, to those who have a file channel.
func (s *state) relayFiles() {
	for _, o := range s.files.takeOut() {
		if o.message == nil {
			s.emit(sendData{o.to, protocol.LabelFile, false, o.chunk})
			continue
		}
		if o.toOthers {
			data := encode(o.message)
			for _, p := range s.order {
				if p.id != o.to && p.fileOpen {
					s.emit(sendData{p.id, protocol.LabelFile, true, data})
				}
			}
		} else if p := s.people[o.to]; p != nil {
			s.sendFile(p, o.message)
		}
	}
}

func (s *state) sendFile(p *participant, m protocol.Message) {
	if p.fileOpen {
		s.emit(sendData{p.id, protocol.LabelFile, true, encode(m)})
	}
}

// refuseFile is refuse for the file channel.
func (s *state) refuseFile(now time.Time, p *participant, err error, re protocol.Type, mark string) {
	if s.mayRefuse(now, p) {
		s.sendFile(p, refusalMessage(err, re, mark, 0))
	}
}

func decodeError(err error) error {
	if errors.Is(err, protocol.ErrUnknownType) {
		return ErrUnknownType
	}
	return refuse(ErrBadMessage, "%v", err)
}
