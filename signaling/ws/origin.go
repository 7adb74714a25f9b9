package ws

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// originAllowed reports whether the page that opens the socket may do so. Without the check, any page that somebody
// looks at could join rooms from their browser, since WebSockets know no same-origin rule. Clients that are no browsers
// send no Origin and have no such problem. Where the socket is encrypted, a page of the same host that is not is a
// stranger too: whoever is on its way could have written it.
func originAllowed(r *http.Request, encrypted bool, patterns []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null", as a sandboxed frame sends it, among others
	}
	if strings.EqualFold(u.Host, r.Host) && (!encrypted || u.Scheme == "https") {
		return true
	}
	for _, pattern := range patterns {
		scheme, host, ok := strings.Cut(pattern, "://")
		if !ok {
			scheme, host = u.Scheme, pattern
		}
		if strings.EqualFold(scheme, u.Scheme) && hostMatches(host, u.Host) {
			return true
		}
	}
	return false
}

// hostMatches compares hosts label by label, so that "*" cannot stand for a dot.
func hostMatches(pattern, host string) bool {
	asPath := strings.NewReplacer(".", "/")
	ok, err := path.Match(asPath.Replace(strings.ToLower(pattern)), asPath.Replace(strings.ToLower(host)))
	return err == nil && ok
}
