package checks_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// site starts the web server of a golden case's section "https", in lines of
//
//	host mta-sts.example.org         whose it is
//	certificate mta-sts.example.org  as of an SMTP server; without one it speaks no TLS
//	line version: STSv1              a line of the file
//	fill 70000                       so many octets more
//	status 404                       in place of 200
//	header Location https://...      beside the usual
//	clock -90m                       it says the time, and is that far from ours
//	answer HTTP/1.1 200 OK\r\n...    in place of all that, with Go's escapes
//	silent                           nothing is said to a request
//	unused                           nobody comes here
func site(world *mailworld.World, addr netip.AddrPort, body string) error {
	s := mailworld.Site{Header: http.Header{}}
	for word, rest := range fields(body) {
		var err error
		switch word {
		case "host":
			s.Host = rest
		case "certificate":
			cert, issued := certificate(world, strings.Fields(rest))
			s.Certificate, err = &cert, issued
		case "line":
			s.Body += rest + "\n"
		case "fill":
			var n int
			n, err = strconv.Atoi(rest)
			s.Body += strings.Repeat("#", n)
		case "status":
			s.Status, err = strconv.Atoi(rest)
		case "header":
			name, value, _ := strings.Cut(rest, " ")
			s.Header.Set(name, value)
		case "clock":
			var ahead time.Duration
			ahead, err = time.ParseDuration(rest)
			s.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		case "answer":
			s.Answer, err = strconv.Unquote(`"` + rest + `"`)
		case "silent":
			s.Silent = true
		case "unused":
		default:
			return fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return world.ServeSite(addr, s)
}
