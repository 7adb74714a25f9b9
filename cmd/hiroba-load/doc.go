// Command hiroba-load puts load on a Hiroba server and measures how it bears it: rooms full of simulated participants
// that publish and receive over real signaling, ICE and DTLS-SRTP.
//
//	hiroba-load                                  # ten seconds against http://localhost:8080
//	hiroba-load --preset video-1x100             # one publisher, a hundred subscribers
//	hiroba-load --preset video-1x100 --find-max rate
//
// # Who takes part
//
// Publishers are ordinary clients (signaling/client) that send synthetic media, its packets paced as browsers pace them.
// Subscribers count what they receive without decrypting it (see the tap package), so that one core carries thousands.
// Probes are subscribers that decrypt, put pictures together, and read when the publisher sent each packet.
//
// # Goroutines
//
// Each client has its own (see signaling/client). Besides them: the readers of the tap.Hub, one for each join that is
// under way, feedback.run (what subscribers tell the server over RTCP), churn.run, and progress.run.
package main
