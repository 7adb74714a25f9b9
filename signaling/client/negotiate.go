package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// startMedia makes the PeerConnection and sends the first offer.
func (l *loop) startMedia(ctx context.Context) error {
	welcome := l.Room().Welcome
	servers := make([]webrtc.ICEServer, len(welcome.ICEServers))
	for i, s := range welcome.ICEServers {
		servers[i] = webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential}
	}
	pc, err := l.cfg.Stack.newPeerConnection(servers)
	if err != nil {
		return err
	}
	l.pc = pc
	l.listen(pc, time.Now())
	if !l.cfg.NoDataChannels {
		if err := l.openChannels(); err != nil {
			return err
		}
	}
	for _, p := range l.cfg.Publish {
		if err := l.publish(p); err != nil {
			return err
		}
	}
	seats := l.cfg.Seats
	if seats == 0 {
		seats = welcome.Seats
	}
	if err := l.addSeats(seats); err != nil {
		return err
	}
	l.negotiate(ctx)
	return nil
}

// listen makes pion's callbacks post to the loop.
func (l *loop) listen(pc *webrtc.PeerConnection, made time.Time) {
	pc.OnICECandidate(func(found *webrtc.ICECandidate) {
		m := protocol.Candidate{} // the end of candidates
		if found != nil {
			init := found.ToJSON()
			m = protocol.Candidate{
				Candidate: init.Candidate, SDPMid: init.SDPMid, SDPMLineIndex: init.SDPMLineIndex,
				UsernameFragment: init.UsernameFragment,
			}
		}
		_ = l.do(func(ctx context.Context, l *loop) { l.write(ctx, m) })
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		l.mu.Lock()
		l.state = s
		l.mu.Unlock()
		l.sender.connect(s == webrtc.PeerConnectionStateConnected || s == webrtc.PeerConnectionStateDisconnected)
		l.notify()
	})
	c := l.Client
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		c.readLine(track, receiver, made)
	})
}

// readLine starts the readers of an m-line, unless the client has ended.
func (c *Client) readLine(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, made time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.lines, func(l *line) bool { return l.transceiver.Receiver() == receiver })
	if i < 0 || c.ended || c.cfg.Unread {
		return
	}
	line := c.lines[i]
	line.made, line.remote = made, track
	c.wg.Go(func() { line.readRTP(track) })
	c.wg.Go(func() { line.readRTCP(receiver) })
}

// addSeats adds pairs of recvonly m-lines.
func (l *loop) addSeats(n int) error {
	for range n {
		audio, err := l.addLine(media.Audio)
		if err != nil {
			return err
		}
		video, err := l.addLine(media.Video)
		if err != nil {
			return err
		}
		l.seats = append(l.seats, seat{audio: audio, video: video})
		l.mu.Lock()
		l.lines = append(l.lines, audio, video)
		l.mu.Unlock()
	}
	return nil
}

func (l *loop) addLine(kind media.Kind) (*line, error) {
	t, err := l.pc.AddTransceiverFromKind(webrtc.NewRTPCodecType(kind.String()),
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return nil, fmt.Errorf("add seat: %w", err)
	}
	codecs := l.cfg.Codecs
	if kind == media.Audio {
		codecs = soundCodecs(l.cfg.RED)
	}
	if codecs != nil {
		if err := t.SetCodecPreferences(codecPreferences(codecs)); err != nil {
			return nil, fmt.Errorf("choose codecs of a seat: %w", err)
		}
	}
	line := newLine(len(l.seats), kind, t)
	line.countOnly, line.changed, line.onPacket = l.cfg.CountOnly, l.notify, l.cfg.OnPacket
	line.askKeyframe = func() { _ = l.Client.RequestKeyframe(line.seat) }
	return line, nil
}

// grow adds the seats that the server asks for, up to the limit.
func (l *loop) grow(ctx context.Context, wanted int) {
	limit := l.cfg.MaxSeats
	if limit == 0 {
		limit = l.Room().Welcome.Limits.Seats
	}
	more := min(wanted, limit) - len(l.seats)
	if l.pc == nil || more <= 0 {
		return
	}
	if err := l.addSeats(more); err != nil {
		l.end(err)
		return
	}
	l.negotiate(ctx)
}

// publish adds a sendonly m-line.
func (l *loop) publish(p Publication) error {
	if l.pc == nil {
		return ErrNoMedia
	}
	group := "user" // a microphone and its camera share a MediaStream
	if p.Source.Video() == protocol.Screen {
		group = "screen"
	}
	added := &published{source: p.Source, muted: p.Muted}
	for i, e := range p.Encodings {
		u := &uplink{
			source: e.Source, codec: e.Source.Codec(), rid: e.RID, streamID: group, sender: l.sender, muted: p.Muted,
			pace: l.cfg.Pace, onSend: e.OnSend,
		}
		added.uplinks = append(added.uplinks, u)
		if i > 0 {
			if err := added.transceiver.Sender().AddEncoding(u); err != nil {
				return fmt.Errorf("add encoding %q of %s: %w", e.RID, p.Source, err)
			}
			u.mid = added.transceiver.Mid
			continue
		}
		t, err := l.pc.AddTransceiverFromTrack(u, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return fmt.Errorf("publish %s: %w", p.Source, err)
		}
		if err := t.SetCodecPreferences(codecPreferences(codecsWith(u.codec))); err != nil {
			return fmt.Errorf("choose codec of %s: %w", p.Source, err)
		}
		added.transceiver, u.mid = t, t.Mid
	}
	l.published = append(l.published, added)
	l.sender.post(func(time.Time) { l.sender.uplinks = append(l.sender.uplinks, added.uplinks...) })
	sender := added.transceiver.Sender()
	added.release = func() { releaseSender(sender, added.uplinks) }
	for _, u := range added.uplinks {
		read := func(b []byte) (int, error) { n, _, err := sender.Read(b); return n, err }
		if u.rid != "" {
			read = func(b []byte) (int, error) { n, _, err := sender.ReadSimulcast(b, string(u.rid)); return n, err }
		}
		l.track(func() { u.readRTCP(read, &l.sender.counts) })
	}
	return nil
}

// unpublish stops an m-line. Its mid is gone from the next offer's tracks.
func (l *loop) unpublish(source protocol.Source) {
	kept := l.published[:0]
	for _, p := range l.published {
		if p.source != source {
			kept = append(kept, p)
			continue
		}
		for _, u := range p.uplinks {
			l.sender.mute(u, true)
		}
		if err := p.transceiver.Stop(); err != nil {
			l.log.Debug("transceiver not stopped", "source", string(source), "err", err)
		}
	}
	clear(l.published[len(kept):])
	l.published = kept
}

// negotiate sends an offer with everything there is now, or notes to do so after the answer that is awaited.
func (l *loop) negotiate(ctx context.Context) {
	if l.offer != nil {
		l.again = true
		return
	}
	restart := l.restart
	l.again, l.restart = false, ""
	offer, err := l.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart != ""})
	if err != nil {
		l.end(fmt.Errorf("create offer: %w", err))
		return
	}
	if err := l.pc.SetLocalDescription(offer); err != nil {
		l.end(fmt.Errorf("set local offer: %w", err))
		return
	}
	l.offerID++
	m := protocol.Offer{
		ID: l.offerID, SDP: offer.SDP, Seats: []protocol.SeatMIDs{}, Tracks: []protocol.TrackMID{}, Restart: restart,
	}
	for _, s := range l.seats {
		m.Seats = append(m.Seats, protocol.SeatMIDs{Audio: s.audio.transceiver.Mid(), Video: s.video.transceiver.Mid()})
	}
	for _, p := range l.published {
		m.Tracks = append(m.Tracks, protocol.TrackMID{MID: p.transceiver.Mid(), Source: p.source, Muted: p.muted})
	}
	l.offer = &m
	l.counts.offers.Add(1)
	l.write(ctx, m)
}

// answered applies an answer; one that repeats an earlier one, after a resume, is not needed any more.
func (l *loop) answered(ctx context.Context, m protocol.Answer) {
	if l.offer == nil || m.ID != l.offer.ID {
		return
	}
	l.offer = nil
	l.counts.answers.Add(1)
	if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}); err != nil {
		l.end(fmt.Errorf("set remote answer: %w", err))
		return
	}
	for _, c := range l.early {
		l.remoteCandidate(c)
	}
	l.early = nil
	if l.again {
		l.negotiate(ctx)
	}
}

// remoteCandidate adds a candidate of the server, after the first answer.
func (l *loop) remoteCandidate(m protocol.Candidate) {
	if l.pc == nil {
		return
	}
	if l.pc.RemoteDescription() == nil {
		l.early = append(l.early, m)
		return
	}
	if err := l.pc.AddICECandidate(webrtc.ICECandidateInit{
		Candidate: m.Candidate, SDPMid: m.SDPMid, SDPMLineIndex: m.SDPMLineIndex, UsernameFragment: m.UsernameFragment,
	}); err != nil {
		l.log.Warn("server's candidate not usable", "err", err)
	}
}
