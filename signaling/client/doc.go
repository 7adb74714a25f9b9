// Package client is a client of the protocol in Go: it joins rooms, publishes media that it is given as packets, and
// counts what it receives without decoding it. Tests of whole servers and the load tester are built on it. It behaves
// as the web app does (it offers, trickles candidates, grows its seats when asked, resumes a lost WebSocket), so that
// what is measured with it is what browsers cause.
//
//	c, err := client.Dial(ctx, client.Config{
//		URL: server.URL, Room: "standup", Name: "Ada",
//		Publish: []client.Publication{
//			client.Camera(synthetic.NewVP8(synthetic.VP8Config{Colour: synthetic.Green})),
//			client.Microphone(synthetic.NewTone(2)),
//		},
//	})
//	defer c.Close()
//	err = c.Await(ctx, func() bool { return c.Received(bob, protocol.Camera).Keyframes > 0 })
//
// # Goroutines and locks
//
// A Client has one goroutine that owns the conversation (loop.run), one that reads the WebSocket, one that sends media
// (sender.run), and one for RTP and one for RTCP of each m-line; Close stops them and waits. Everything else that
// happens, happens in pion. Methods of Client post to the loop and read snapshots: Client.mu guards what the loop
// publishes, and each line has a lock, held for one packet, for its statistics.
package client
