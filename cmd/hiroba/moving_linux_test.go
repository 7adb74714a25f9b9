package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// The words that a caller obeys.
const (
	sayWatch = "watch" // from now on, watch the picture of the other
	sayMove  = "move"  // the network is another one
	sayTell  = "tell"  // what was seen
)

// watched is what a caller saw since it was told to watch.
type watched struct {
	// ID is its own, Resumes and Restarts say what it did.
	ID      protocol.ParticipantID
	Resumes uint64
	// LongestGap is between pictures of the other, and Frames counts them.
	LongestGap time.Duration
	Frames     uint64
	// Others are in the room, Left is how many left it.
	Others []protocol.ParticipantID
}

// obey does what is said on the standard input, until that ends.
func (c *call) obey(keep *client.Client) {
	tell := make(chan chan watched)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case sayWatch:
			go c.watch(keep, tell)
		case sayMove: // what a device learns from its operating system
			if err := keep.DropSocket(0); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			if err := keep.RestartICE(protocol.RestartHinted); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		case sayTell:
			answer := make(chan watched)
			tell <- answer
			if err := json.NewEncoder(os.Stdout).Encode(<-answer); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// watch measures the gaps between the pictures of the other, until it has to tell.
func (c *call) watch(keep *client.Client, tell <-chan chan watched) {
	room := keep.Room()
	them, _ := room.ByName(c.Other)
	count := func() uint64 { return keep.Received(them.ID, protocol.Camera).Frames }
	begun, last, since := count(), count(), time.Now()
	var w watched
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case now := <-tick.C:
			w.LongestGap = max(w.LongestGap, now.Sub(since))
			if frames := count(); frames != last {
				last, since = frames, now
			}
		case answer := <-tell:
			tick.Stop()
			w.ID, w.Resumes, w.Frames = keep.ID(), keep.Counters().Resumes, last-begun
			for _, p := range keep.Room().Participants {
				w.Others = append(w.Others, p.ID)
			}
			answer <- w
			return
		}
	}
}

// say tells a client what to do.
func (n *networks) say(one *caller, word string) {
	n.Helper()
	if _, err := fmt.Fprintln(one.in, word); err != nil {
		n.Fatalf("%s: %v\n%s", one.name, err, &one.log)
	}
}

// told asks a client what it saw.
func (n *networks) told(one *caller) (w watched) {
	n.Helper()
	n.say(one, sayTell)
	if err := one.out.Decode(&w); err != nil {
		n.Fatalf("%s: %v\n%s", one.name, err, &one.log)
	}
	return w
}

// TestMovingClient takes a client's address away in the middle of a call and gives it another one. It is told, as programs are
// by their operating system; that browsers find out by themselves is tested with browsers. What is left is the server's part.
func TestMovingClient(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	const bearable = 3 * time.Second
	for _, test := range []struct{ name, move string }{
		{"another address", `ip -n @cli addr flush dev c0; ip -n @cli addr add 192.168.77.3/24 dev c0
			ip -n @cli route add default via 192.168.77.1`},
		{"another interface", `ip link add c1 netns @cli type veth peer name m1 netns @nat
			ip -n @nat addr add 192.168.78.1/24 dev m1; ip -n @nat link set m1 up
			ip -n @cli link set c1 up; ip -n @cli addr add 192.168.78.2/24 dev c1
			ip -n @cli route replace default via 192.168.78.1
			ip -n @cli link set c0 down; ip -n @cli addr flush dev c0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetworks(t)
			cert, key := certificateFiles(t, n.folder, 1, "203.0.113.2")
			n.run(addressesIPv4)
			n.rules(masquerade)
			n.trusted = cert
			n.serve("--tls=files", "--tls-cert="+cert, "--tls-key="+key)
			const url = "https://203.0.113.2"
			ann := n.start("cli", call{URL: url, Name: "ann", Other: "ben", Index: 0, Sees: 1})
			ben := n.start("srv", call{URL: url, Name: "ben", Other: "ann", Index: 1, Sees: 0})
			defer ann.end()
			defer ben.end()
			n.sees(ann)
			n.sees(ben)
			n.say(ann, sayWatch)
			before := n.told(ann)
			for _, one := range []*caller{ann, ben} {
				n.say(one, sayWatch)
			}
			n.run(test.move)
			n.say(ann, sayMove)
			time.Sleep(bearable + time.Second)
			for _, one := range []*caller{ann, ben} {
				w := n.told(one)
				n.Logf("longest gap in what %s sees: %v (%d frames)", one.name, w.LongestGap.Round(time.Millisecond), w.Frames)
				if w.LongestGap > bearable {
					n.Errorf("%s saw nothing for %v, bearable are %v", one.name, w.LongestGap, bearable)
				}
				if len(w.Others) != 1 {
					n.Errorf("%s is with %v", one.name, w.Others)
				}
				if one == ann && (w.ID != before.ID || w.Others[0] != before.Others[0] || w.Resumes != 1) {
					n.Errorf("before %+v, after %+v", before, w)
				}
			}
		})
	}
}
