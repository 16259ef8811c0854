package targets

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// Marshal writes the configuration as YAML for people to read, without secrets: what exporter.yml would say if it left
// nothing to defaults and named every target itself. Parse takes it.
func (c *Config) Marshal() []byte {
	var b bytes.Buffer
	for _, f := range c.Files {
		state := "in force"
		if !f.OK {
			state = "bad"
		}
		fmt.Fprintf(&b, "# target file %q: %s\n", f.Path, state)
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "# warning: %s\n", strings.ReplaceAll(w, "\n", "\n#   "))
	}
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(c.written()); err != nil { // It holds texts, numbers and lists of them.
		fmt.Fprintf(&b, "# the configuration cannot be written: %v\n", err)
	}
	_ = encoder.Close()
	return b.Bytes()
}

// The types below are the grammar as it is written, in the order of docs/configuration.md.
type (
	writtenConfig struct {
		HeloName       string                   `yaml:"helo_name,omitempty"`
		Resolver       writtenResolver          `yaml:"resolver"`
		TLS            writtenTLS               `yaml:"tls,omitempty"`
		Certificate    writtenCertificate       `yaml:"certificate,flow"`
		Blocklists     writtenBlocklists        `yaml:"blocklists"`
		Limits         writtenLimits            `yaml:"limits"`
		Modules        map[string]writtenModule `yaml:"modules"`
		Domains        []writtenDomain          `yaml:"domains,omitempty"`
		Servers        []writtenServer          `yaml:"servers,omitempty"`
		Senders        []writtenSender          `yaml:"senders,omitempty"`
		TargetFiles    []string                 `yaml:"target_files,omitempty"`
		OwnServers     []string                 `yaml:"own_servers,omitempty"`
		Ignore         []writtenIgnore          `yaml:"ignore,omitempty"`
		Severity       yaml.Node                `yaml:"severity,omitempty"`
		AlertLabels    []string                 `yaml:"alert_labels,omitempty,flow"`
		Metrics        map[string][]string      `yaml:"metrics,omitempty"`
		CatalogFiles   []string                 `yaml:"catalog_files,omitempty"`
		AllowAddresses []string                 `yaml:"allow_addresses,omitempty,flow"`
		ProbeAllow     []string                 `yaml:"probe_allow,omitempty,flow"`
		ProbeCache     string                   `yaml:"probe_cache"`
		Vantage        map[string][]string      `yaml:"vantage,omitempty"`
	}
	writtenResolver struct {
		Servers         []string `yaml:"servers,omitempty,flow"`
		Timeout         string   `yaml:"timeout"`
		ValidatesDNSSEC bool     `yaml:"validates_dnssec"`
	}
	writtenTLS struct {
		CAFile string `yaml:"ca_file,omitempty"`
	}
	writtenCertificate struct {
		Warning       string  `yaml:"warning"`
		WarningShare  float64 `yaml:"warning_share"`
		Critical      string  `yaml:"critical"`
		CriticalShare float64 `yaml:"critical_share"`
	}
	writtenBlocklists struct {
		Use       []string                   `yaml:"use"`
		Custom    []writtenList              `yaml:"custom,omitempty"`
		Keys      map[string]writtenKey      `yaml:"keys,omitempty"`
		Overrides map[string]writtenOverride `yaml:"overrides,omitempty"`
	}
	writtenList struct {
		ID            string                 `yaml:"id"`
		Zone          string                 `yaml:"zone"`
		Kinds         []string               `yaml:"kinds,flow"`
		Codes         map[string]writtenCode `yaml:"codes,omitempty"`
		Good          map[string]writtenCode `yaml:"good,omitempty"`
		Refusals      []string               `yaml:"refusals,omitempty,flow"`
		MustList      string                 `yaml:"must_list,omitempty"`
		MustNotList   string                 `yaml:"must_not_list,omitempty"`
		Test          string                 `yaml:"test,omitempty"`
		Removal       string                 `yaml:"removal,omitempty"`
		Page          string                 `yaml:"page,omitempty"`
		QueriesPerDay int                    `yaml:"queries_per_day,omitempty"`
	}
	writtenCode struct {
		Meaning  string           `yaml:"meaning"`
		Severity catalog.Severity `yaml:"severity"`
		NonMTA   catalog.Severity `yaml:"non_mta,omitempty"`
	}
	writtenKey struct {
		File string `yaml:"file,omitempty"`
		Env  string `yaml:"env,omitempty"`
	}
	writtenOverride struct {
		Interval string `yaml:"interval,omitempty"`
		Most     int    `yaml:"max_queries_per_day,omitempty"`
		Resolver string `yaml:"resolver,omitempty"`
	}
	writtenLimits struct {
		Concurrency         int `yaml:"concurrency"`
		PerHost             int `yaml:"per_host"`
		DNSQueriesPerSecond int `yaml:"dns_queries_per_second"`
		ConnectsPerSecond   int `yaml:"connects_per_second"`
	}
	writtenModule struct {
		Kind     Kind              `yaml:"kind"`
		Checks   []string          `yaml:"checks,flow"`
		Interval map[string]string `yaml:"interval,flow"`
		Timeout  string            `yaml:"timeout"`
	}
	writtenDomain struct {
		Name      string            `yaml:"name"`
		Selectors []string          `yaml:"dkim_selectors,omitempty,flow"`
		Senders   []string          `yaml:"senders,omitempty,flow"`
		Module    string            `yaml:"module"`
		FollowMX  FollowMX          `yaml:"follow_mx"`
		Labels    map[string]string `yaml:"labels,omitempty,flow"`
	}
	writtenServer struct {
		Address         string              `yaml:"address"`
		ServerName      string              `yaml:"server_name"`
		Role            Role                `yaml:"role,omitempty"`
		TLS             string              `yaml:"tls"`
		ProxyProtocol   string              `yaml:"proxy_protocol,omitempty"`
		PublicAddresses []string            `yaml:"public_addresses,omitempty,flow"`
		Recipient       *writtenRecipient   `yaml:"recipient,omitempty,flow"`
		Credentials     *writtenCredentials `yaml:"credentials,omitempty,flow"`
		RelayTest       *writtenRelayTest   `yaml:"relay_test,omitempty,flow"`
		Module          string              `yaml:"module"`
		Labels          map[string]string   `yaml:"labels,omitempty,flow"`
	}
	writtenRecipient struct {
		Address string `yaml:"address"`
		From    string `yaml:"from,omitempty"`
	}
	writtenCredentials struct {
		Username     string `yaml:"username"`
		PasswordFile string `yaml:"password_file,omitempty"`
		PasswordEnv  string `yaml:"password_env,omitempty"`
	}
	writtenRelayTest struct {
		From string `yaml:"from"`
		To   string `yaml:"to"`
	}
	writtenSender struct {
		Address  string            `yaml:"address"`
		HeloName string            `yaml:"helo_name,omitempty"`
		Domains  []string          `yaml:"domains,omitempty,flow"`
		Module   string            `yaml:"module"`
		Labels   map[string]string `yaml:"labels,omitempty,flow"`
	}
	writtenIgnore struct {
		Problem string `yaml:"problem"`
		Target  string `yaml:"target"`
		Until   string `yaml:"until,omitempty"`
		Reason  string `yaml:"reason,omitempty"`
	}
)

// written turns the configuration into what is written of it.
func (c *Config) written() *writtenConfig {
	w := &writtenConfig{
		HeloName: c.HeloName,
		Resolver: writtenResolver{c.Resolver.Servers, durationText(c.Resolver.Timeout), c.Resolver.ValidatesDNSSEC},
		TLS:      writtenTLS{c.TLS.CAFile},
		Certificate: writtenCertificate{
			durationText(c.Certificate.Warning), c.Certificate.WarningShare,
			durationText(c.Certificate.Critical), c.Certificate.CriticalShare,
		},
		Blocklists:     c.Blocklists.written(),
		Limits:         writtenLimits(c.Limits),
		Modules:        map[string]writtenModule{},
		TargetFiles:    c.TargetFiles,
		OwnServers:     texts(c.OwnServers),
		AlertLabels:    c.AlertLabels,
		CatalogFiles:   c.CatalogFiles,
		AllowAddresses: texts(c.AllowAddresses),
		ProbeAllow:     texts(c.ProbeAllow),
		ProbeCache:     durationText(c.ProbeCache),
	}
	for name, m := range c.Modules {
		w.Modules[name] = writtenModule{m.Kind, m.Checks, durationTexts(m.Every), durationText(m.Timeout)}
	}
	for _, i := range c.Ignore {
		until := ""
		if !i.Until.IsZero() {
			until = i.Until.Format(time.RFC3339)
		}
		w.Ignore = append(w.Ignore, writtenIgnore{i.Problem, i.Target, until, i.Reason})
	}
	for _, s := range c.Severity { // A node, because the order of rules counts.
		w.Severity.Kind = yaml.MappingNode
		w.Severity.Content = append(w.Severity.Content, textNode(s.Problem), textNode(string(s.Severity)))
	}
	if len(c.Metrics.Exclude) > 0 {
		w.Metrics = map[string][]string{"exclude": c.Metrics.Exclude}
	}
	if len(c.Vantage.Egress) > 0 {
		w.Vantage = map[string][]string{"egress": c.Vantage.Egress}
	}
	for _, t := range c.Targets {
		w.add(t)
	}
	return w
}

// add writes a target into its list.
func (w *writtenConfig) add(t *Target) {
	module := ""
	if t.Module != nil {
		module = t.Module.Name
	}
	switch {
	case t.Domain != nil:
		d := t.Domain
		w.Domains = append(w.Domains, writtenDomain{t.Name, d.DKIMSelectors, d.Senders, module, d.FollowMX, t.Labels})
	case t.Server != nil:
		s := t.Server
		out := writtenServer{
			Address: t.Name, ServerName: s.ServerName, Role: s.Role, TLS: s.TLS, ProxyProtocol: s.ProxyProtocol,
			PublicAddresses: texts(s.PublicAddresses), Module: module, Labels: t.Labels,
		}
		if s.RoleOpen {
			out.Role = "" // Written down, it would be configured.
		}
		if r := s.Recipient; r != nil {
			out.Recipient = &writtenRecipient{r.Address, r.From}
		}
		if cr := s.Credentials; cr != nil {
			out.Credentials = &writtenCredentials{cr.Username, cr.PasswordFile, cr.PasswordEnv}
		}
		if r := s.RelayTest; r != nil {
			out.RelayTest = &writtenRelayTest{r.From, r.To}
		}
		w.Servers = append(w.Servers, out)
	case t.Sender != nil:
		s := t.Sender
		w.Senders = append(w.Senders, writtenSender{t.Name, s.HeloName, s.Domains, module, t.Labels})
	}
}

// written turns the blocklists into what is written of them: the lists by name, and what differs from the catalogue.
func (b Blocklists) written() writtenBlocklists {
	w := writtenBlocklists{Use: []string{}, Keys: map[string]writtenKey{}, Overrides: map[string]writtenOverride{}}
	for _, l := range b.Lists {
		w.Use = append(w.Use, l.ID)
		if l.Custom {
			w.Custom = append(w.Custom, l.written())
		}
		if name := keyName(l.Blocklist); name != "" && (l.KeyFile != "" || l.KeyEnv != "") {
			w.Keys[name] = writtenKey{l.KeyFile, l.KeyEnv}
		}
		if o := (writtenOverride{"", l.MaxQueriesPerDay, l.Resolver}); o != (writtenOverride{}) || l.Interval > 0 {
			if l.Interval > 0 {
				o.Interval = durationText(l.Interval)
			}
			w.Overrides[l.ID] = o
		}
	}
	return w
}

// written describes a list of the operator's own.
func (l List) written() writtenList {
	b := l.Blocklist
	w := writtenList{
		ID: b.ID, Zone: b.Zone, Kinds: b.Kinds, Codes: writtenCodes(b.Codes), Good: writtenCodes(b.Good), Refusals: b.Refusals,
		MustList: b.MustList, MustNotList: b.MustNotList, Removal: b.Removal.URL, Page: b.Page, QueriesPerDay: b.QueriesPerDay,
	}
	if b.NoTest {
		w.Test = "none"
	}
	return w
}

func writtenCodes(codes map[string]catalog.Code) map[string]writtenCode {
	if len(codes) == 0 {
		return nil
	}
	out := make(map[string]writtenCode, len(codes))
	for answer, c := range codes {
		out[answer] = writtenCode{c.Meaning, c.Severity, c.NonMTA}
	}
	return out
}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	n.Style = yaml.DoubleQuotedStyle // "off" is a truth value to old readers.
	return n
}

// texts writes values as they write themselves.
func texts[T interface {
	Pattern | netip.Prefix | netip.Addr
	fmt.Stringer
}](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, v.String())
	}
	return out
}

func durationTexts(every map[string]time.Duration) map[string]string {
	out := make(map[string]string, len(every))
	for check, d := range every {
		out[check] = durationText(d)
	}
	return out
}
