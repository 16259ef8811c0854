// Package targets reads exporter.yml: who is probed, how and how often. It alone reads
// YAML that users wrote, and every mistake in a file is reported at once, each with its
// place and what would be right.
package targets

import (
	"net/netip"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A Config is a whole configuration, valid and with its defaults filled in. It is not
// changed after Load returned it.
type Config struct {
	HeloName       string // "" where not configured; see docs.
	Resolver       Resolver
	TLS            TLS
	Certificate    Certificate
	Blocklists     Blocklists
	Limits         Limits
	Modules        map[string]*Module // Built-in ones included: domain, parked, server, sender.
	TargetFiles    []string           // Globs, made absolute against the directory of exporter.yml.
	OwnServers     []Pattern
	Ignore         []Ignore
	Severity       []SeverityRule
	AlertLabels    []string
	Metrics        Metrics
	CatalogFiles   []string
	catalog        *catalog.Catalog // With the entries of CatalogFiles; nil: without.
	AllowAddresses []netip.Prefix
	ProbeAllow     []Pattern
	ProbeCache     time.Duration
	Vantage        Vantage

	// Targets holds every configured target once, inline senders of domains included, in
	// the order of the files. Servers found by MX are not here: see DiscoveredServer.
	Targets []*Target
	// Files tells of each target file how its last load went.
	Files []FileState
	// Warnings are things that are allowed and yet probably not meant; each has its place.
	Warnings []string

	inputs []string            // As Inputs returns them, without target and catalogue files.
	byName map[string]*Target  // Of Targets.
	loaded map[string]*[]entry // Of each target file what is in force, as it was written.
}

// Resolver says whom to ask DNS.
type Resolver struct {
	Servers         []string // host:port; empty: those of /etc/resolv.conf.
	Timeout         time.Duration
	ValidatesDNSSEC bool
}

// TLS holds trust settings.
type TLS struct{ CAFile string }

// Certificate says when a certificate ends soon: when less of its life is left than a time and than a share of it. Renewal
// happens when about a third is left.
type Certificate struct {
	Warning       time.Duration // 0: never.
	WarningShare  float64       // From 0 to 1.
	Critical      time.Duration
	CriticalShare float64
}

// Blocklists says which lists are asked and how.
type Blocklists struct {
	Lists []List // In the order named, each once.
}

// A List is a blocklist to ask, from the catalogue or custom, with the operator's key and overrides.
type List struct {
	*catalog.Blocklist
	Custom           bool // Not from the catalogue.
	Key              Secret
	KeyFile, KeyEnv  string        // Where Key comes from.
	Interval         time.Duration // 0: the check's.
	MaxQueriesPerDay int           // 0: the catalogue's.
	Resolver         string        // host:port; "": the resolver of all.
}

// Limits bound what is under way at once.
type Limits struct {
	Concurrency         int // SMTP sessions in flight.
	PerHost             int // SMTP connections to one address.
	DNSQueriesPerSecond int
	ConnectsPerSecond   int
}

// A Module is a way to probe one kind of target.
type Module struct {
	Name    string
	Kind    Kind
	Checks  []string                 // In the order of the table Checks.
	Every   map[string]time.Duration // Interval of each of Checks.
	Timeout time.Duration            // Of one SMTP session.
	Parked  bool                     // A domain that neither sends nor receives.
}

// A Pattern is a glob over host names ("*.example.net") or an address range.
type Pattern struct {
	Glob   string
	Prefix netip.Prefix
}

// Ignore accepts a problem.
type Ignore struct {
	Problem string // Id or glob over ids.
	Target  string // Glob over target names.
	Reason  string
	Until   time.Time // When it ends, in UTC; zero: never.
}

// SeverityRule changes the severity of the problems that match.
type SeverityRule struct {
	Problem  string
	Severity catalog.Severity
}

// Metrics says which metrics are left out, by name without prefix.
type Metrics struct{ Exclude []string }

// Vantage names servers that are known to answer.
type Vantage struct{ Egress []string }

// FileState is the state of one target file.
type FileState struct {
	Path string
	OK   bool // Its current content is in force; false: an older good content, or none.
}

// Source says where a target comes from.
type Source string

// The sources of a target.
const (
	SourceConfig Source = "config"
	SourceFile   Source = "file"
	SourceMX     Source = "mx"
)

// Role says what a server is for.
type Role string

// The roles. RoleNone is for targets that are not servers.
const (
	RoleNone       Role = ""
	RoleMX         Role = "mx"
	RoleSubmission Role = "submission"
	RoleMTA        Role = "mta"
)

// FollowMX says which MX hosts of a domain are probed.
type FollowMX string

// The ways to follow MX.
const (
	FollowAll  FollowMX = "all"
	FollowOwn  FollowMX = "own"
	FollowNone FollowMX = "none"
)

// A Target is what is probed: exactly one of Domain, Server and Sender is set, none of them for the vantage.
type Target struct {
	Name    string // Unique: the label target.
	Kind    Kind
	Source  Source
	Module  *Module
	Labels  map[string]string
	Foreign bool // A provider's server, found by MX and not in own_servers.
	// Every is how often each of the target's checks runs; checks that are not in it do not.
	Every map[string]time.Duration

	Domain *Domain
	Server *Server
	Sender *Sender
}

// A Domain is a mail domain.
type Domain struct {
	DKIMSelectors []string
	Senders       []string // Names of sender targets.
	FollowMX      FollowMX
}

// A Server is a host and port that speaks SMTP.
type Server struct {
	Host            string     // Name in A-labels and lower case, or the literal.
	Addr            netip.Addr // Valid if Host is a literal.
	Port            uint16
	ServerName      string // Name expected in the certificate.
	TLS             string // implicit, starttls or none.
	ProxyProtocol   string // The version of the PROXY header to send first, v1 or v2; "" sends none.
	Role            Role
	RoleOpen        bool // Role is mx for want of a configured one: mta if SPF shows that the server sends, too.
	PublicAddresses []netip.Addr
	Recipient       *Recipient
	Credentials     *Credentials
	RelayTest       *RelayTest
}

// Recipient turns the check recipient on.
type Recipient struct {
	Address string
	From    string // "" means postmaster at the name for EHLO, which is not configured.
}

// Credentials are for AUTH.
type Credentials struct {
	Username                  string
	Password                  Secret
	PasswordFile, PasswordEnv string // Where Password comes from.
}

// RelayTest turns the check relay on.
type RelayTest struct{ From, To string }

// A Sender is an address mail leaves from, or a host name that stands for its addresses.
type Sender struct {
	Host     string
	Addr     netip.Addr // Valid if Host is a literal.
	HeloName string
	Domains  []string
}
