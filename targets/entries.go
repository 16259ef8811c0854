package targets

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"
)

// An entry is a target as one file writes it, before the targets of all files are put together.
type entry struct {
	target *Target // Its module and intervals are those in force when it was read.
	at     place   // Of its name.
	// senders are the places of a domain's senders, beside target.Domain.Senders.
	senders []place
}

// entries reads the three lists of targets in a file.
func (p *parser) entries(m mapping, source Source) []entry {
	var out []entry
	each := func(key string, read func(value) (entry, bool)) {
		m.at(key, func(v value) {
			for _, item := range v.list() {
				if e, ok := read(item); ok {
					e.target.Source = source
					e.target.Every = e.target.Module.every(e.target)
					out = append(out, e)
				}
			}
		})
	}
	each("domains", p.domain)
	each("servers", p.server)
	each("senders", p.sender)
	return out
}

// common reads what all targets have: their module, which is that of the kind unless named, and their labels.
func (p *parser) common(m mapping, kind Kind) *Target {
	t := &Target{Kind: kind, Module: p.cfg.Modules[string(kind)]}
	m.at("module", func(v value) {
		var fitting []string
		for _, name := range sortedKeys(p.cfg.Modules) {
			if p.cfg.Modules[name].Kind == kind {
				fitting = append(fitting, name)
			}
		}
		name, ok := v.text()
		if !ok {
			return
		}
		switch mod := p.cfg.Modules[name]; {
		case mod == nil:
			v.bad(name, "there is no such module; "+nearest(name, fitting))
		case mod.Kind != kind && mod.Kind != "":
			v.bad(name, fmt.Sprintf("the module is for kind %s and this is a %s; %s", mod.Kind, kind, nearest(name, fitting)))
		default:
			t.Module = mod
		}
	})
	m.at("labels", func(v value) { t.Labels = readLabels(v) })
	return t
}

// readLabels reads the labels that the operator gives a target.
func readLabels(v value) map[string]string {
	var out map[string]string
	for _, pr := range v.pairs() {
		name, err := parseLabelName(pr.name)
		if err != nil {
			pr.key.fail("%s", err)
			continue
		}
		text, ok := pr.value.text()
		if !ok {
			continue
		}
		if len(text) > 1024 || !utf8.ValidString(text) {
			pr.value.fail("want a label value of at most 1024 octets")
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = text
	}
	return out
}

// domain reads one of the domains.
func (p *parser) domain(v value) (entry, bool) {
	m := v.mapping("name", "dkim_selectors", "senders", "module", "follow_mx", "labels")
	e := entry{target: p.common(m, KindDomain)}
	d := &Domain{FollowMX: FollowAll}
	e.target.Domain = d
	m.need("name", "name: example.org", func(v value) {
		e.at = v.place()
		readInto(v, &e.target.Name, parseDomain)
	})
	m.at("dkim_selectors", func(v value) { d.DKIMSelectors = readList(v, parseSelector) })
	m.at("senders", func(v value) {
		for _, item := range v.list() {
			name, ok := read(item, senderName)
			if ok && !slices.Contains(d.Senders, name) {
				d.Senders = append(d.Senders, name)
				e.senders = append(e.senders, item.place())
			}
		}
		if len(d.Senders) > 0 && e.target.Module.Parked {
			v.fail("a parked domain sends nothing; remove its senders or give it another module")
		}
	})
	m.at("follow_mx", func(v value) { readInto(v, &d.FollowMX, oneOf(FollowAll, FollowOwn, FollowNone)) })
	return e, e.target.Name != ""
}

// senderName reads a sender's address or name. The address of a server is a common mistake.
func senderName(s string) (string, error) {
	name, err := hostOnly(s)
	switch {
	case err == nil && name == string(KindVantage):
		return "", errors.New("this is the target that the exporter itself is; want the whole name of a host, or its addresses")
	case err != nil:
		if host, _, e := net.SplitHostPort(s); e == nil && host != "" {
			return "", errors.New("want the address or name of a sender, without a port")
		}
		return "", errors.New("want an address that mail leaves from, such as 203.0.113.9, or a host name that stands for its addresses")
	}
	return name, nil
}

// sender reads one of the senders.
func (p *parser) sender(v value) (entry, bool) {
	m := v.mapping("address", "helo_name", "domains", "module", "labels")
	e := entry{target: p.common(m, KindSender)}
	m.need("address", "address: 203.0.113.9", func(v value) {
		e.at = v.place()
		if name, ok := read(v, senderName); ok {
			e.target.Name, e.target.Sender = name, newSender(name)
		}
	})
	s := e.target.Sender
	if s == nil {
		s = &Sender{} // The rest is read for its mistakes.
	}
	m.at("helo_name", func(v value) { readInto(v, &s.HeloName, parseName) })
	m.at("domains", func(v value) { s.Domains = readList(v, parseDomain) })
	return e, e.target.Name != ""
}

func newSender(name string) *Sender {
	host, addr, _ := parseHost(name)
	return &Sender{Host: host, Addr: addr}
}

// server reads one of the servers.
func (p *parser) server(v value) (entry, bool) {
	m := v.mapping("address", "server_name", "role", "tls", "proxy_protocol", "public_addresses", "recipient", "credentials", "relay_test", "module", "labels")
	e := entry{target: p.common(m, KindServer)}
	s := &Server{}
	e.target.Server = s
	m.need("address", "address: mx.example.org:25", func(v value) {
		e.at = v.place()
		if name, ok := read(v, hostPort("25", "")); ok {
			e.target.Name = name
			s.fill(name)
		}
	})
	m.at("server_name", func(v value) { readInto(v, &s.ServerName, hostOnly) })
	m.at("role", func(v value) {
		s.RoleOpen = false
		readInto(v, &s.Role, oneOf(RoleMX, RoleSubmission, RoleMTA))
	})
	m.at("tls", func(v value) { readInto(v, &s.TLS, oneOf("implicit", "starttls", "none")) })
	m.at("proxy_protocol", func(v value) { readInto(v, &s.ProxyProtocol, oneOf("v1", "v2")) })
	m.at("public_addresses", func(v value) { s.PublicAddresses = readList(v, parseAddr) })
	m.at("recipient", func(v value) { s.Recipient = p.recipient(v) })
	m.at("credentials", func(v value) {
		s.Credentials = p.credentials(v)
		if s.TLS == "none" {
			v.fail("credentials are sent over TLS only, and tls is none; remove one of them")
		}
	})
	m.at("relay_test", func(v value) { s.RelayTest = relayTest(v) })
	return e, e.target.Name != ""
}

// fill sets what follows from a server's address unless it is configured. RFC 8314: TLS begins at once on
// 465, and mail is handed in there and on 587.
func (s *Server) fill(address string) {
	host, port, _ := net.SplitHostPort(address)
	s.Host, s.Addr, _ = parseHost(host)
	n, _ := strconv.ParseUint(port, 10, 16)
	s.Port, s.ServerName = uint16(n), s.Host
	s.TLS, s.Role = "starttls", RoleMX
	switch s.Port {
	case 25:
		s.RoleOpen = true
	case 465:
		s.TLS, s.Role = "implicit", RoleSubmission
	case 587, 2525:
		s.Role = RoleSubmission
	}
}

// recipient reads a recipient to ask for. Its sender is an address of one's own, because a server may ask back.
func (p *parser) recipient(v value) *Recipient {
	m := v.mapping("address", "from")
	r := &Recipient{}
	if p.cfg.HeloName != "" {
		r.From = "postmaster@" + p.cfg.HeloName
	}
	m.need("address", "address: postmaster@example.org", func(v value) { readInto(v, &r.Address, parseMailbox) })
	m.at("from", func(v value) { readInto(v, &r.From, sendingMailbox) })
	return r
}

// sendingMailbox is parseMailbox for a place where people write <>.
func sendingMailbox(s string) (string, error) {
	if s == "" || s == "<>" {
		return "", errors.New("want a mail address of your own: many servers refuse the empty sender, and more so from one that sends no bounces")
	}
	return parseMailbox(s)
}

func (p *parser) credentials(v value) *Credentials {
	v.secret = true
	m := v.mapping("username", "password_file", "password_env")
	c := &Credentials{}
	m.need("username", "username: monitor", func(v value) {
		v.secret = false
		readInto(v, &c.Username, func(s string) (string, error) {
			if s == "" || len(s) > 255 {
				return "", errors.New("want a user name of at most 255 octets")
			}
			return s, nil
		})
	})
	c.Password, c.PasswordFile, c.PasswordEnv = p.secret(m, "password_file", "password_env")
	return c
}

func relayTest(v value) *RelayTest {
	m := v.mapping("from", "to")
	r := &RelayTest{}
	m.need("from", "from: probe@example.org", func(v value) { readInto(v, &r.From, sendingMailbox) })
	m.need("to", "to: outside@example.net", func(v value) { readInto(v, &r.To, parseMailbox) })
	return r
}

// webAddress reads the address of a page.
func webAddress(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("want the address of a page, such as https://example.net/removal")
	}
	return s, nil
}
