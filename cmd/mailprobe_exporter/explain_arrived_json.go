package main

import (
	"net/netip"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// An arrivedJSON is a letter that arrived, for programs.
type arrivedJSON struct {
	From       string          `json:"from"`
	MailFrom   string          `json:"mail_from"`
	Subject    string          `json:"subject"`
	Hops       []hopJSON       `json:"hops"`
	Sender     *senderJSON     `json:"sender"` // null where no line tells.
	AuthServID string          `json:"authserv_id"`
	Results    []resultJSON    `json:"results"`
	Signatures []signatureJSON `json:"signatures"`
	Spam       []markJSON      `json:"spam"`
	Missing    []missingJSON   `json:"missing"`
}

type hopJSON struct {
	From     string     `json:"from"` // The name that the other gave.
	PTR      string     `json:"ptr"`
	Address  string     `json:"address"`
	By       string     `json:"by"`
	Protocol string     `json:"protocol"`
	TLS      *bool      `json:"tls"` // null where it is not said.
	Login    bool       `json:"login"`
	Time     *time.Time `json:"time"`          // null where it is not said.
	Delay    *float64   `json:"delay_seconds"` // Since the hop before; null where it is not known.
}

type senderJSON struct {
	Address  string `json:"address"`
	HeloName string `json:"helo_name"`
	PTR      string `json:"ptr"`
	By       string `json:"by"`
}

type resultJSON struct {
	Method     string `json:"method"`
	Result     string `json:"result"`
	Reason     string `json:"reason"`
	MailFrom   string `json:"mail_from"`
	HeaderFrom string `json:"header_from"`
	Domain     string `json:"domain"`
	Selector   string `json:"selector"`
	Meaning    string `json:"meaning"`
}

type signatureJSON struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Algorithm string `json:"algorithm"`
	Aligned   bool   `json:"aligned"`
}

type markJSON struct {
	Header   string   `json:"header"`
	Value    string   `json:"value"`
	Meanings []string `json:"meanings"`
}

type missingJSON struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// addressText is an address, "" for none.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func (e *explainer) letterJSON(l *bounce.Letter) arrivedJSON {
	p := newPage(e.out, e.lang)
	out := arrivedJSON{
		From: sanitise(l.From), MailFrom: sanitise(l.MailFrom), Subject: sanitise(l.Subject), AuthServID: sanitise(l.AuthServer),
		Hops: []hopJSON{}, Results: []resultJSON{}, Signatures: []signatureJSON{}, Spam: []markJSON{}, Missing: []missingJSON{},
	}
	for i, h := range l.Hops {
		j := hopJSON{From: sanitise(h.Helo), PTR: sanitise(h.PTR), Address: addressText(h.Address), By: sanitise(h.By), Protocol: h.Protocol, Login: h.Login}
		if h.TLS != bounce.Unsaid {
			yes := h.TLS == bounce.Yes
			j.TLS = &yes
		}
		if !h.Time.IsZero() {
			j.Time = &h.Time
		}
		if d, ok := l.Delay(i); ok {
			seconds := d.Seconds()
			j.Delay = &seconds
		}
		out.Hops = append(out.Hops, j)
	}
	if h := l.Sender(); h != nil {
		out.Sender = &senderJSON{addressText(h.Address), sanitise(h.Helo), sanitise(h.PTR), sanitise(h.By)}
	}
	for _, r := range l.Results {
		meaning := ""
		if t, ok := arrivedWords.meaning[r.Method][r.Value]; ok {
			meaning = e.say(t)
		}
		out.Results = append(out.Results, resultJSON{
			r.Method, r.Value, sanitise(r.Reason), sanitise(r.MailFrom), sanitise(r.HeaderFrom), sanitise(r.Domain), sanitise(selectorOf(l, r)), meaning,
		})
	}
	for _, s := range l.Signatures {
		out.Signatures = append(out.Signatures, signatureJSON{sanitise(s.Domain), sanitise(s.Selector), sanitise(s.Algorithm), bounce.Aligned(s.Domain, bounce.DomainOf(l.From))})
	}
	for _, m := range l.Marks {
		j := markJSON{m.Name, sanitise(m.Value), []string{}}
		for _, t := range meaningsOf(m) {
			j.Meanings = append(j.Meanings, t.say(p))
		}
		out.Spam = append(out.Spam, j)
	}
	for _, m := range missingIn(l) {
		out.Missing = append(out.Missing, missingJSON{m.id, m.say(p)})
	}
	return out
}
