package udp

import "testing"

func TestInterfacesAreChosenByName(t *testing.T) {
	for _, tt := range []struct {
		chosen        Interfaces
		taken, leftNo []string
	}{
		{nil, []string{"eth0", "enp3s0", "wlan0", "br0", "wg0", "tailscale0"}, []string{
			"docker0", "br-1a2b3c4d5e6f", "veth12ab", "virbr0", "cni0", "podman1", "lxdbr0",
		}},
		{Interfaces{"eth*"}, []string{"eth0", "eth1"}, []string{"wlan0", "docker0"}},
		{Interfaces{"docker0", "eth0"}, []string{"eth0", "docker0"}, []string{"eth1", "docker1"}},
		{Interfaces{"!wg0"}, []string{"eth0", "wg1"}, []string{"wg0", "docker0"}},
		{Interfaces{"eth*", "!eth1"}, []string{"eth0", "eth2"}, []string{"eth1", "wlan0"}},
	} {
		for _, name := range tt.taken {
			if !tt.chosen.Takes(name) {
				t.Errorf("%v does not take %s", tt.chosen, name)
			}
		}
		for _, name := range tt.leftNo {
			if tt.chosen.Takes(name) {
				t.Errorf("%v takes %s", tt.chosen, name)
			}
		}
		if err := tt.chosen.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "!", "[", "a/b", "!!eth0"} {
		if err := (Interfaces{bad}).Check(); err == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}
