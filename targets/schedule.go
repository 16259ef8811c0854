package targets

import "time"

// A Kind is what a target is.
type Kind string

// The kinds of targets. KindVantage is the prober itself; it is never configured.
const (
	KindDomain  Kind = "domain"
	KindServer  Kind = "server"
	KindSender  Kind = "sender"
	KindVantage Kind = "vantage"
)

// A CheckSpec is what exporter.yml may say about a check: its name, what it can be asked of and how often.
type CheckSpec struct {
	Name     string
	Kinds    []Kind
	Interval time.Duration // Default.
	Least    time.Duration // A shorter interval is raised to it or refused.
}

// Checks is the table of all checks, in the order of the documentation.
var Checks = []CheckSpec{
	{"smtp", []Kind{KindServer}, 5 * time.Minute, 5 * time.Second},
	{"recipient", []Kind{KindServer}, time.Hour, 15 * time.Minute},
	{"auth", []Kind{KindServer}, time.Hour, 15 * time.Minute},
	{"relay", []Kind{KindServer}, 24 * time.Hour, 24 * time.Hour},
	{"dane", []Kind{KindServer}, 15 * time.Minute, time.Minute},
	{"rdns", []Kind{KindServer, KindSender}, 15 * time.Minute, time.Minute},
	{"mx", []Kind{KindDomain}, 15 * time.Minute, time.Minute},
	{"spf", []Kind{KindDomain, KindSender}, 15 * time.Minute, time.Minute},
	{"dkim", []Kind{KindDomain}, 15 * time.Minute, time.Minute},
	{"dmarc", []Kind{KindDomain}, 15 * time.Minute, time.Minute},
	{"dnssec", []Kind{KindDomain}, 15 * time.Minute, time.Minute},
	{"mta_sts", []Kind{KindDomain}, time.Hour, 5 * time.Minute},
	{"tls_rpt", []Kind{KindDomain}, time.Hour, 5 * time.Minute},
	{"bimi", []Kind{KindDomain}, time.Hour, 5 * time.Minute},
	{"bulk", []Kind{KindDomain}, time.Hour, 5 * time.Minute},
	{"dnsbl", []Kind{KindServer, KindSender, KindDomain}, time.Hour, 15 * time.Minute},
	{"vantage", []Kind{KindVantage}, 5 * time.Minute, time.Minute},
}

// CheckByName looks a check up.
func CheckByName(name string) (CheckSpec, bool) {
	for _, c := range Checks {
		if c.Name == name {
			return c, true
		}
	}
	return CheckSpec{}, false
}
