package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// A configText is an exporter.yml while it is written: what is in force, comments, and examples, which begin with # and no space.
type configText struct {
	bytes.Buffer
	lang catalog.Lang
}

// configWidth is that of exporter.yml, in characters.
const configWidth = 100

// note writes a comment. Its arguments may be anybody's text: what cannot be printed and line breaks are gone, so that none gets out of it.
func (c *configText) note(indent string, t catalog.Text, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clip(sanitise(s), 300)
		}
	}
	for _, l := range wrap(fmt.Sprintf(t.In(c.lang), args...), configWidth, indent+"# ", indent+"# ") {
		c.WriteString(l + "\n")
	}
}

// point writes a comment that is an entry of a list.
func (c *configText) point(indent, s string) {
	for _, l := range wrap(clip(sanitise(s), 300), configWidth, indent+"# - ", indent+"#   ") {
		c.WriteString(l + "\n")
	}
}

// line writes a line that is in force.
func (c *configText) line(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// example writes a line that is not.
func (c *configText) example(format string, args ...any) { c.line("#"+format, args...) }

func (c *configText) blank() { c.WriteByte('\n') }

var plainScalar = regexp.MustCompile(`^[a-z_][a-z0-9_-]*(\.[a-z0-9_-]+)+(:[0-9]+)?$|^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$|^[a-z]+[0-9]+[a-z0-9]*$`)

// scalar writes a name or an address so that YAML reads text and nothing else: 20230601 is a number, on is true, :: a mapping.
func scalar(s string) string {
	if plainScalar.MatchString(s) {
		return s
	}
	return strconv.Quote(s) // The grammar of names has no character that YAML escapes otherwise.
}

// scalars is a list on one line.
func scalars(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = scalar(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// file writes the configuration.
func (s *survey) file(lang catalog.Lang) []byte {
	c := &configText{lang: lang}
	made := initWords.made
	if s.letter != nil {
		made = initWords.madeWithLetter
	}
	c.note("", made, s.domain)
	c.note("", initWords.explained)
	c.note("", initWords.checkFile)
	c.note("", initWords.checkDomain, s.domain)
	c.note("", initWords.examples)
	s.writeUntold(c)
	c.blank()
	c.note("", initWords.heloName)
	c.example("helo_name: probe.example.net")
	c.blank()
	s.writeResolver(c)
	c.blank()
	s.writeDomain(c)
	s.writeSenders(c)
	if !s.parked() {
		s.writeServers(c)
		s.writeOwn(c)
	}
	return c.Bytes()
}

// writeUntold says what could not be found out.
func (s *survey) writeUntold(c *configText) {
	if len(s.untold) == 0 {
		return
	}
	c.note("", catalog.Text{})
	c.note("", initWords.untold)
	for _, u := range s.untold {
		c.point("", fmt.Sprintf("%s %s: %s", u.what.In(c.lang), u.name, initWords.reasons[dnsclient.Reason(u.err)].In(c.lang)))
	}
}

func (s *survey) writeResolver(c *configText) {
	c.note("", initWords.resolver)
	validate := func() {
		if len(s.dane) > 0 {
			c.note("  ", initWords.dane, strings.Join(s.dane, ", "))
		}
		c.example("  validates_dnssec: true")
	}
	if len(s.resolvers) > 0 {
		c.line("resolver:")
		c.line("  servers: %s", scalars(s.resolvers))
		validate()
		return
	}
	c.example("resolver:")
	c.example(`  servers: ["127.0.0.1:53"]`)
	validate()
}

func (s *survey) writeDomain(c *configText) {
	c.line("domains:")
	s.noteMX(c)
	c.line("  - name: %s", scalar(s.domain))
	if s.parked() {
		c.note("    ", initWords.parked)
		c.line("    module: parked")
		return
	}
	s.writeSelectors(c)
	s.writeDomainSenders(c)
	if s.mtaSTS {
		c.note("    ", initWords.mtaSTS)
	}
}

// noteMX says who takes mail for the domain.
func (s *survey) noteMX(c *configText) {
	switch {
	case s.nullMX:
		c.note("  ", initWords.nullMX)
	case s.noMX:
		c.note("  ", initWords.noMX)
	case len(s.exchangers) > 0:
		c.note("  ", initWords.mx)
		for _, e := range s.exchangers {
			line := fmt.Sprintf("%s (%d)", e.host, e.preference)
			if name := providerName(e.provider, c.lang); name != "" {
				line += ": " + name
			}
			c.point("  ", line)
		}
		if slices.ContainsFunc(s.exchangers, func(e exchanger) bool { return e.provider != "" }) {
			c.note("  ", initWords.foreign)
		}
	}
}

// providerName is how people know a provider; "" for nobody the catalogue knows.
func providerName(id string, lang catalog.Lang) string {
	if info := catalog.Default().ProviderByID(id); info != nil {
		return info.Name.In(lang)
	}
	return ""
}

func (s *survey) writeSelectors(c *configText) {
	if l := s.letter; l != nil {
		if len(l.signers) > 0 {
			c.note("    ", initWords.signers, strings.Join(l.signers, ", "))
		}
		if len(l.selectors) > 0 {
			c.note("    ", initWords.selectors)
			c.line("    dkim_selectors: %s", scalars(l.selectors))
			return
		}
		c.note("    ", initWords.unsigned, s.domain)
	} else {
		c.note("    ", initWords.noSelectors)
	}
	c.example("    dkim_selectors: [s2026a]")
}

// writeDomainSenders writes the address that a letter left from. What the SPF record names is only suggested: a record may name machines
// that never send, or are not there any more.
func (s *survey) writeDomainSenders(c *configText) {
	sure, doubtful := s.sender()
	if s.letter != nil {
		s.noteLetterSender(c, sure, doubtful)
	}
	s.noteSPF(c)
	var addresses, lines []string
	if doubtful != "" {
		addresses, lines = []string{doubtful}, []string{doubtful}
	}
	for _, h := range s.spf.hosts {
		if a := h.address.String(); a != sure {
			addresses, lines = append(addresses, a), append(lines, fmt.Sprintf("%s (%s)", a, h.term))
		}
	}
	switch {
	case len(lines) == 0 && sure == "":
		c.example("    senders: [203.0.113.9]")
		return
	case len(s.spf.hosts) == 0, len(lines) == 0:
	case sure != "":
		c.note("    ", initWords.suggestMore)
	default:
		c.note("    ", initWords.suggest)
	}
	for _, l := range lines {
		c.point("    ", l)
	}
	if sure == "" {
		c.example("    senders: %s", scalars(addresses))
	}
}

// noteLetterSender says what the letter tells of where it left from.
func (s *survey) noteLetterSender(c *configText, sure, doubtful string) {
	l := s.letter
	switch {
	case sure != "":
		c.note("    ", initWords.sender, s.writer(c), l.address.String())
		c.line("    senders: %s", scalars([]string{sure}))
	case doubtful != "":
		c.note("    ", initWords.senderDoubtful, s.writer(c), l.address.String())
	case l.address.IsValid():
		c.note("    ", initWords.senderProvider, l.address.String(), providerName(l.provider, c.lang))
	case l.byMailer:
		c.note("    ", initWords.senderMailer)
	default:
		c.note("    ", initWords.senderUntold)
	}
	if l.mailFrom != "" {
		c.note("    ", initWords.mailFromOther, l.mailFrom)
	}
}

// writer names the server that told of the sending address.
func (s *survey) writer(c *configText) string {
	if s.letter.by != "" {
		return s.letter.by
	}
	return initWords.receiver.In(c.lang)
}

func (s *survey) noteSPF(c *configText) {
	f := &s.spf
	switch {
	case f.records > 1:
		c.note("    ", initWords.spfTwo)
	case f.broken:
		c.note("    ", initWords.spfBroken)
	case f.sendsNone:
		c.note("    ", initWords.spfNone)
	}
	if len(f.networks) > 0 {
		c.note("    ", initWords.spfNetworks, strings.Join(f.networks, " "))
	}
	if len(f.others) > 0 {
		c.note("    ", initWords.spfOthers, strings.Join(slices.Compact(f.others), " "))
	}
}

// writeSenders says more of the address that the letter left from.
func (s *survey) writeSenders(c *configText) {
	l := s.letter
	sure, _ := s.sender()
	if sure == "" {
		return
	}
	c.blank()
	c.line("senders:")
	c.line("  - address: %s", scalar(sure))
	if l.helo != "" {
		c.note("    ", initWords.helo)
		c.line("    helo_name: %s", scalar(l.helo))
	}
	if len(l.domains) > 1 {
		c.note("    ", initWords.mailFrom, l.domains[1])
	}
	c.line("    domains: %s", scalars(l.domains))
}

func (s *survey) writeServers(c *configText) {
	c.blank()
	c.note("", initWords.servers)
	var own, others []service
	for _, v := range s.submission {
		if v.provider == "" {
			own = append(own, v)
		} else {
			others = append(others, v)
		}
	}
	if s.noneToHand {
		c.note("", initWords.noneToHand)
	}
	if len(own) > 0 {
		c.line("servers:")
	} else {
		c.example("servers:")
	}
	for _, v := range own {
		c.line("  - address: %s", scalar(v.address))
	}
	for _, v := range others {
		c.note("  ", initWords.serverProvider, providerName(v.provider, c.lang))
		c.example("  - address: %s", scalar(v.address))
	}
	if len(s.submission) == 0 {
		c.example("  - address: %s", scalar("smtp."+s.domain+":587"))
	}
}

// writeOwn says which MX hosts are the operator's own: those with names in the domain.
func (s *survey) writeOwn(c *configText) {
	var own, others []string
	for _, e := range s.exchangers {
		switch {
		case e.own:
			own = append(own, e.host)
		case e.provider == "":
			others = append(others, e.host)
		}
	}
	c.blank()
	c.note("", initWords.own)
	if len(own) > 0 {
		c.line("own_servers: %s", scalars(own))
		if len(others) > 0 {
			c.note("", initWords.ownMore, strings.Join(others, ", "))
		}
		return
	}
	if len(others) == 0 {
		others = []string{"*." + s.domain}
	}
	c.example("own_servers: %s", scalars(others))
}
