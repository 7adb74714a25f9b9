package tcp

import (
	"crypto/tls"
	"slices"
)

// withoutQuarrel is cfg for a port with several protocols: a client that names protocols (ALPN, RFC 7301) of which none is
// known, as some do with "turns", is served without one, where crypto/tls would refuse it.
func withoutQuarrel(cfg *tls.Config) *tls.Config {
	outer := cfg.Clone()
	if len(outer.NextProtos) == 0 {
		outer.NextProtos = []string{"h2", "http/1.1"}
	}
	plain := outer.Clone()
	plain.NextProtos = nil
	inner := outer.GetConfigForClient
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if inner != nil {
			if own, err := inner(hello); own != nil || err != nil {
				return own, err
			}
		}
		known := func(protocol string) bool { return slices.Contains(outer.NextProtos, protocol) }
		if len(hello.SupportedProtos) > 0 && !slices.ContainsFunc(hello.SupportedProtos, known) {
			return plain, nil
		}
		return nil, nil //nolint:nilnil // the default
	}
	return outer
}
