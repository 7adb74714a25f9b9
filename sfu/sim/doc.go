// Package sim proves the decisions of the media plane in virtual time. A World has an event queue and one seed; nothing in
// it sleeps, and the same seed gives the same run to the nanosecond.
//
// Around the production machines (ingress, keyframe, history, egress), which a Server drives as the rim of package sfu
// does, stand models of what is outside: a Link loses, delays and reorders; a Publisher encodes as browsers do and
// answers NACK and PLI; a Viewer buffers, asks again, decodes and freezes as browsers do. Media are real RTP
// packets. Inside of each is the truth about its frame: what it was predicted from, and when it was captured. So a Viewer
// finds out what no descriptor tells: a picture that was decoded without what it needs, and lips that are off.
//
// It is for tests and benchmarks only. A scenario is a short script: network, media, run, expect; see the tests.
package sim
