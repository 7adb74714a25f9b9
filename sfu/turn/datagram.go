package turn

import (
	"net"
	"net/netip"
	"sync"
)

// maxDatagram is the longest message that is taken: media and what TURN puts around it.
const maxDatagram = 1600

// datagram is pooled memory for one.
type datagram struct {
	buf [maxDatagram]byte
	n   int
}

var datagrams = sync.Pool{New: func() any { return &datagram{} }}

// newDatagram is a copy of b; nil when that is too long.
func newDatagram(b []byte) *datagram {
	if len(b) > maxDatagram {
		return nil
	}
	d, _ := datagrams.Get().(*datagram)
	d.n = copy(d.buf[:], b)
	return d
}

func (d *datagram) bytes() []byte { return d.buf[:d.n] }

func (d *datagram) release() { datagrams.Put(d) }

// addrPortOf is an address of pion's as it is compared.
func addrPortOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(plain(ap.Addr()), ap.Port())
}
