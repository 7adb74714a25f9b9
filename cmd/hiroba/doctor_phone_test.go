package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"hiroba/cmd/hiroba/doctor"
)

// linkOf finds the link in what is printed for a phone.
var linkOf = regexp.MustCompile(`http://\S+/check#(\S+)`)

func TestDoctorWaitsForAPhone(t *testing.T) {
	s, p := beside(t, testConfig())
	for _, tt := range []struct {
		told       string
		status     doctor.Status
		found, fix string
	}{
		{`{"webSocket":true,"ways":{"udp":{"kind":"works","rttMs":12},"tcp":{"kind":"works"},"relay":{"kind":"skipped"}}}`, doctor.OK, "by UDP", ""},
		{`{"webSocket":true,"ways":{"udp":{"kind":"blocked"},"tcp":{"kind":"works"}}}`, doctor.Fault, "but not by UDP", "open UDP port"},
		{`{"webSocket":true,"ways":{"udp":{"kind":"blocked"},"tcp":{"kind":"blocked"}}}`, doctor.Fault, "no media gets", "the same for TCP"},
		{`{"webSocket":false}`, doctor.Fault, "no WebSocket", "proxy_set_header Upgrade"},
	} {
		cli, _, err := parseArguments(append([]string{"doctor", "--phone"}, p.flags...), io.Discard, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		printed, printer := io.Pipe()
		cli.Doctor.phone = printer
		go func() {
			text := make([]byte, 1<<16)
			n, _ := printed.Read(text)
			go func() { _, _ = io.Copy(io.Discard, printed) }()
			link := linkOf.FindStringSubmatch(string(text[:n]))
			if link == nil {
				t.Errorf("no link in %s", text[:n])
				return
			}
			for token, want := range map[string]int{"wrong": http.StatusForbidden, link[1]: http.StatusOK} {
				request, _ := http.NewRequest(http.MethodPost, s.URL()+"/check/report",
					strings.NewReader(tt.told)) //nolint:noctx // a test
				request.Header.Set(doctor.TokenHeader, token)
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				answer.Body.Close()
				if answer.StatusCode != want {
					t.Errorf("with the token %q: %d", token, answer.StatusCode)
				}
			}
		}()
		report, err := cli.Doctor.examine(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		wants(t, report, "phone", tt.status, tt.found, tt.fix)
		printed.Close()
	}
	if code := terminalCode("http://192.0.2.1/check#x"); strings.Count(code, "\n") < 15 {
		t.Errorf("code is\n%s", code)
	}
}
