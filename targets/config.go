// Package targets reads exporter.yml: who is probed, how and how often. It alone reads
// YAML that users wrote, and every mistake in a file is reported at once, each with its
// place and what would be right.
package targets

import (
	"errors"
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
}

// Resolver says whom to ask DNS.
type Resolver struct {
	Servers         []string // host:port; empty: those of /etc/resolv.conf.
	Timeout         time.Duration
	ValidatesDNSSEC bool
}

// TLS holds trust settings.
type TLS struct{ CAFile string }

// Blocklists says which lists are asked and how.
type Blocklists struct {
	Lists []List // In the order named, each once.
}

// A List is a blocklist to ask, from the catalogue or custom, with the operator's key and overrides.
type List struct {
	*catalog.Blocklist
	Key              Secret
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

// A Secret is a password or key. It prints as "<secret>" however it is printed, is never marshalled, and is
// empty where none is configured.
type Secret struct{ value string }

// Value reveals the secret to the one who sends it.
func (s Secret) Value() string { return s.value }

// NewSecret makes a secret of a value.
func NewSecret(v string) Secret { return Secret{v} }

func (s Secret) String() string               { return "<secret>" }
func (s Secret) GoString() string             { return "<secret>" }
func (s Secret) MarshalText() ([]byte, error) { return []byte("<secret>"), nil }
func (s Secret) MarshalYAML() (any, error)    { return "<secret>", nil }

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
	Until   time.Time // Zero: for ever.
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
	Role            Role
	PublicAddresses []netip.Addr
	Recipient       *Recipient
	Credentials     *Credentials
	RelayTest       *RelayTest
}

// Recipient turns the check recipient on.
type Recipient struct{ Address, From string }

// Credentials are for AUTH.
type Credentials struct {
	Username string
	Password Secret
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

// Same reports whether two targets are probed in the same way, so that what is known of one holds for the other.
func (t *Target) Same(o *Target) bool { return false }

// DiscoveredServer returns the target for an MX host of domain d, on port 25: the configured one if there is one of that
// name, otherwise one with the settings of module server. ok is false if d does not follow it.
func (c *Config) DiscoveredServer(d *Target, host string) (t *Target, ok bool) { return nil, false }

// Own reports whether an MX host is in own_servers.
func (c *Config) Own(host string) bool { return false }

// Ignored returns the rule that accepts a problem on a target at a time, if there is one.
func (c *Config) Ignored(problem, target string, now time.Time) (Ignore, bool) {
	return Ignore{}, false
}

// SeverityOf returns the severity that a problem has after the operator's severity rules, given what the check said.
func (c *Config) SeverityOf(problem string, s catalog.Severity) catalog.Severity { return s }

// Allowed reports whether an address that a name led us to may be connected to: public, or in allow_addresses.
func (c *Config) Allowed(a netip.Addr) bool { return false }

// Askable reports whether blocklists may be asked about an address: any but loopback, private, link-local, unique
// local, shared (CGNAT) and multicast ones outside allow_addresses.
func (c *Config) Askable(a netip.Addr) bool { return false }

// Options of Load.
type Options struct {
	Metrics []string // Names of all metrics, for metrics.exclude.
	// Getenv reads password_env and the like; nil means os.Getenv.
	Getenv func(string) string
	// Previous is the configuration in force, whose last good target files are kept for files that are bad now; nil at start.
	Previous *Config
}

// Load reads and validates a configuration with its target files. The error is an Errors; a bad target file is not
// an error but a FileState and a warning.
func Load(path string, o Options) (*Config, error) { return nil, errors.New("targets: not built") }

// Parse is Load on the text of exporter.yml; name stands in positions, relative paths are relative to its directory.
func Parse(name string, text []byte, o Options) (*Config, error) {
	return nil, errors.New("targets: not built")
}

// Marshal writes the configuration as YAML for people to read, without secrets.
func (c *Config) Marshal() []byte { return nil }
