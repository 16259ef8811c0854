// Package catalog says what replies, problems, providers and blocklists mean. All of
// it is data, in files a mail administrator can edit; this package loads and looks up.
package catalog

// A Severity says how grave a problem or a listing is.
type Severity string

// The severities, gravest first. SeverityOff is only for exporter.yml: the problem is not raised.
const (
	SeverityCritical Severity = "critical"
	SeverityWarning  Severity = "warning"
	SeverityInfo     Severity = "info"
	SeverityOff      Severity = "off"
)

// A Problem is a fault that a check can find.
type Problem struct {
	ID       string   `yaml:"id"`       // Public name: begins with its check's name, or certificate_.
	Check    string   `yaml:"check"`    // The check that finds it.
	Severity Severity `yaml:"severity"` // Unless the check says otherwise for this target.
	Title    string   `yaml:"title"`
}

// Problems returns all problems in the order of the documentation.
func Problems() []Problem { return nil }

// ProblemByID looks a problem up.
func ProblemByID(id string) (Problem, bool) { return Problem{}, false }

// A Blocklist is a DNS list of addresses or names (RFC 5782).
type Blocklist struct {
	ID    string   `yaml:"id"`
	Zone  string   `yaml:"zone"`  // Without a trailing dot; "{key}" stands for the operator's key.
	Kinds []string `yaml:"kinds"` // What may be asked about: ipv4, ipv6, domain.
	// Codes says what each answer means that is a listing, Good which answers are a good word.
	Codes map[string]Code `yaml:"codes"`
	Good  map[string]Code `yaml:"good"`
	// Bits, where the answer's last octet is a mask, gives each bit's meaning; then Codes is empty.
	Bits map[uint8]Code `yaml:"bits"`
	// Refusals are answers that say that the list does not serve us (127.255.255.0/24 always does).
	Refusals []string `yaml:"refusals"`
	// MustList and MustNotList are labels or addresses that override RFC 5782 section 5; NoTest says
	// that the list is known to have no test point.
	MustList      string   `yaml:"must_list"`
	MustNotList   string   `yaml:"must_not_list"`
	NoTest        bool     `yaml:"no_test"`
	Groups        []string `yaml:"groups"`
	Removal       string   `yaml:"removal"`         // Address of a page, for people.
	Terms         string   `yaml:"terms"`           // What its operator allows.
	QueriesPerDay int      `yaml:"queries_per_day"` // 0: no published limit.
	Dead          string   `yaml:"dead"`            // Since when the list is dead; naming it is an error.
}

// NeedsKey reports whether the zone has a place for the operator's key.
func (b *Blocklist) NeedsKey() bool { return false }

// A Code is the meaning of one answer.
type Code struct {
	Meaning  string   `yaml:"meaning"`  // One lower-case word or several joined by _; a label.
	Severity Severity `yaml:"severity"` // Of a listing, for an address that sends mail.
	NonMTA   Severity `yaml:"non_mta"`  // For one that does not; "" means info.
}

// Blocklists returns every list, dead ones included, in the order of the documentation.
func Blocklists() []*Blocklist { return nil }

// BlocklistByID looks a list up.
func BlocklistByID(id string) (*Blocklist, bool) { return nil, false }

// Provider names the provider that runs the mail host ("google", "microsoft", ...).
// ok is false for a host of nobody the catalogue knows.
func Provider(host string) (id string, ok bool) { return "", false }

// KnownEnhanced reports whether code ("5.7.1") is in the IANA registry of enhanced status
// codes (RFC 3463 and its additions, RFC 5248) or in the catalogue.
func KnownEnhanced(code string) bool { return false }

// A Classification says what one reply is about.
type Classification struct {
	Cause string // One of the closed set of causes.
}

// Classify says what a reply of server means. It takes any octets and never fails:
// what it does not know is "unclassified".
func Classify(server string, code int, enhanced, text string) Classification {
	if code >= 200 && code < 400 {
		return Classification{Cause: "ok"}
	}
	return Classification{Cause: "unclassified"}
}
