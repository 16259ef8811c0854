package catalog

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Values are what was seen of one problem, by the names that remedies may speak of. A name that is missing or empty is
// not known.
type Values map[string]string

// The names of values. The set is closed: validate rejects a text that speaks of another.
const (
	ValueTarget     = "target"      // As exporter.yml and labels name it.
	ValueDomain     = "domain"      // The mail domain whose records, mail or reputation it is about.
	ValueHost       = "host"        // A host name, without a trailing dot.
	ValueAddress    = "address"     // An IP address.
	ValuePort       = "port"        // Of the server.
	ValueServerName = "server_name" // The name that a certificate is expected to have.
	ValueSelector   = "selector"    // Of DKIM.
	// ValueNewSelector is the selector of a key that does not exist yet: nobody knows it, and it only stands for itself.
	ValueNewSelector = "new_selector"
	ValueSender      = "sender"      // An IP address or a host that mail leaves from.
	ValueHelo        = "helo_name"   // What a client calls itself in EHLO.
	ValueProber      = "prober"      // The IP address that the exporter connects from.
	ValueMX          = "mx"          // The domain's MX hosts, separated by ", ".
	ValueAlias       = "alias"       // The name that a CNAME record points to.
	ValueRegistered  = "registered"  // The registered domain in which a name lies.
	ValueFound       = "found"       // The data of a record that is published and at fault.
	ValueMeant       = "meant"       // The name that was probably meant.
	ValueUnresolved  = "unresolved"  // A host name that has no IP address.
	ValueUnverified  = "unverified"  // A host name for which the certificate does not verify.
	ValueTerm        = "term"        // A term of an SPF record.
	ValueIncludes    = "includes"    // The terms of an SPF record that cost most lookups.
	ValueLimit       = "limit"       // A number that must not be exceeded.
	ValueRecipient   = "recipient"   // An address of exporter.yml that a check asks about.
	ValueFrom        = "from"        // An address of exporter.yml that a check asks on behalf of.
	ValueUser        = "user"        // A user name of exporter.yml.
	ValueProvider    = "provider"    // A mail provider, by name.
	ValueResolver    = "resolver"    // A DNS resolver, by IP address and port.
	ValueList        = "list"        // A blocklist's id.
	ValueListName    = "list_name"   // Its title.
	ValueListPage    = "list_page"   // Its page about the listed address or name.
	ValueListText    = "list_text"   // What it says of the listing in its TXT record.
	ValueListCode    = "list_code"   // The code that it answers.
	ValueReceiving   = "receiving"   // A listed server that is not known to send mail to others: its host and port.
	ValueRequirement = "requirement" // What large receivers want of a domain: spf, dkim, dmarc, ptr or sender_domain.
	ValueSubject     = "subject"     // What is listed: an IP address or a name.

	// Of a server.
	ValueCode  = "code"  // Of a reply, with the enhanced code if there is one: "550 5.7.1".
	ValueNames = "names" // Those that a certificate is for, separated by ", ".

	// Of an IP address.
	ValueAddressType = "address_type" // Of the record that gives a name this address: A or AAAA.
	ValueReverseName = "reverse_name" // Where its PTR record stands.
	ValueOwnName     = "own_name"     // The name that it should have, of those that the target goes by.
	ValueUnpublished = "unpublished"  // A name of the target's that should lead to it, and for which DNS has no such record.

	// Of a reply that a bounce or a user shows.
	ValueRecipientDomain = "recipient_domain" // The domain of the recipient's address.
	ValueReceivingHost   = "receiving_host"   // The host that receives a domain's mail: for its MX record.
	ValueOtherHost       = "other_host"       // Any other mail server, to compare.
	ValueSPFTerm         = "spf_term"         // The term of an SPF record that authorises the sender.

	// Commands that do what the exporter did.
	ValueOpenCommand = "open_command" // Connects to the server and shows what it says first.
	ValueTLSCommand  = "tls_command"  // Connects to the server and begins TLS.
	ValueDigCommand  = "dig_command"  // Asks the resolver.

	// ValueForeign is the name of the provider whose server it is: nobody here can fix it, and FillRemedies says so.
	ValueForeign = "foreign"

	// Known in one case only: for If and Unless.
	ValueImplicitTLS   = "implicit_tls"   // The port: TLS begins at once.
	ValueSubmission    = "submission"     // The port: mail programs use it, other mail servers do not.
	ValuePrivate       = "private"        // The IP address: only machines of its own network reach it.
	ValueLiteral       = "literal"        // The IP address: the server is named by nothing else.
	ValuePTRFits       = "ptr_fits"       // ValueOwnName: the PTR record has this name already.
	ValueIPv6          = "ipv6"           // The IP address, which is one of IPv6.
	ValueOnlyIPv6      = "only_ipv6"      // The IPv6 address that fails while IPv4 does not.
	ValueUserUnknown   = "user_unknown"   // The code of the reply that says so.
	ValueRelayDenied   = "relay_denied"   // The code of the reply that says so.
	ValueMailboxFull   = "mailbox_full"   // The code of the reply that says so.
	ValueGreylisted    = "greylisted"     // The code of the reply that says so.
	ValueClientRefused = "client_refused" // The code of the reply by which the exporter is refused for who it is.

	// The record to publish, made from the user's own by the least change, all three or none of them.
	ValueRecordName = "record_name" // The owner name, without a trailing dot.
	ValueRecordType = "record_type" // "TXT", "MX", ...
	ValueRecord     = "record"      // Its data, without quotes: as a form of a DNS host wants it.

	// The file to publish on a web server, both or neither of them. Its text has several lines, so that remedies do not name it.
	ValueFileURL = "file_url"
	ValueFile    = "file"
)

// A place describes a name that remedies may speak of.
type place struct {
	unknown Text   // Written where no value is known, in angle brackets unless it has some.
	example string // Written in the documentation; "" for one that is known in one case only.
}

var places = map[string]place{
	ValueTarget:      {Text{"your target", "ваша цель"}, "example.org"},
	ValueDomain:      {Text{"your domain", "ваш домен"}, "example.org"},
	ValueHost:        {Text{"host name", "имя сервера"}, "mail.example.org"},
	ValueAddress:     {Text{"IP address", "IP-адрес"}, "203.0.113.9"},
	ValuePort:        {Text{"port", "порт"}, "25"},
	ValueServerName:  {Text{"server name", "имя сервера"}, "mail.example.org"},
	ValueSelector:    {Text{"selector", "селектор"}, "s2026a"},
	ValueNewSelector: {Text{"new-selector", "новый-селектор"}, "s2026b"},
	ValueSender:      {Text{"sending IP address", "IP-адрес отправителя"}, "203.0.113.9"},
	ValueHelo:        {Text{"HELO name", "имя для HELO"}, "out.example.org"},
	ValueProber:      {Text{"IP address of the exporter", "IP-адрес экспортёра"}, "198.51.100.7"},
	ValueMX:          {Text{"your MX hosts", "ваши MX-серверы"}, "mx1.example.org, mx2.example.org"},
	ValueRegistered:  {Text{"registered domain", "зарегистрированный домен"}, "example.org"},
	ValueFound:       {Text{"published record", "опубликованная запись"}, "10 old.example.org."},
	ValueMeant:       {Text{"name that was meant", "имя, которое имелось в виду"}, "mail.example.org"},
	ValueAlias:       {Text{"name that the alias points to", "имя, на которое указывает CNAME"}, "mail.example.net"},
	ValueTerm:        {Text{"term", "механизм"}, "include:_spf.example.net"},
	ValueIncludes:    {Text{"include", "include"}, "include:_spf.example.net"},
	ValueLimit:       {Text{"limit", "предел"}, "10"},
	ValueRecipient:   {Text{"recipient", "адрес получателя"}, "postmaster@example.org"},
	ValueFrom:        {Text{"sender's address", "адрес отправителя"}, "probe@example.net"},
	ValueUser:        {Text{"user name", "имя пользователя"}, "monitor"},
	ValueProvider:    {Text{"provider", "провайдер"}, "Google"},
	ValueResolver:    {Text{"resolver", "DNS-резолвер"}, "127.0.0.1:53"},
	ValueList:        {Text{"list", "список"}, "spamhaus_zen"},
	ValueListName:    {Text{"the list", "список"}, "Spamhaus ZEN"},
	ValueListPage:    {Text{"the list's page", "страница списка"}, "https://check.spamhaus.org/"},
	ValueListText:    {Text{"what the list says", "что пишет список"}, "Listed, see https://check.spamhaus.org/"},
	ValueListCode:    {Text{"the list's answer", "ответ списка"}, "127.0.0.2"},
	ValueReceiving:   {Text{"the server", "сервер"}, "smtp.example.org:587"},
	ValueRequirement: {Text{"requirement", "требование"}, "spf"},
	ValueSubject:     {Text{"listed IP address or name", "IP-адрес или имя из списка"}, "203.0.113.9"},
	ValueRecordName:  {Text{"record name", "имя записи"}, "example.org"},
	ValueRecordType:  {Text{"record type", "тип записи"}, "TXT"},
	ValueUnresolved:  {Text{"host name without an IP address", "имя без IP-адреса"}, "mta-sts.example.org"},
	ValueUnverified:  {Text{"host name", "имя сервера"}, "mta-sts.example.org"},
	ValueFileURL:     {Text{"address of the file", "адрес файла"}, "https://mta-sts.example.org/.well-known/mta-sts.txt"},
	ValueFile:        {Text{"file", "файл"}, "version: STSv1"},
	ValueRecord:      {Text{"record", "запись"}, "v=spf1 mx -all"},

	ValueCode:  {Text{"code of the reply", "код ответа"}, "554 5.7.1"},
	ValueNames: {Text{"names in the certificate", "имена из сертификата"}, "www.example.net, example.net"},

	ValueAddressType: {Text{"A or AAAA", "A или AAAA"}, "A"},
	ValueReverseName: {Text{"reverse name of the IP address", "обратное имя IP-адреса"}, "9.113.0.203.in-addr.arpa"},
	ValueOwnName:     {Text{"name of the machine", "имя машины"}, "mail.example.org"},
	ValueUnpublished: {Text{"name of the machine", "имя машины"}, "mail.example.org"},

	ValueRecipientDomain: {Text{"recipient's domain", "домен получателя"}, "example.net"},
	ValueReceivingHost:   {Text{"receiving mail server", "принимающий почтовый сервер"}, "mx1.example.org"},
	ValueOtherHost:       {Text{"another mail server", "другой почтовый сервер"}, "mx.example.com"},
	ValueSPFTerm:         {Text{"ip4:<IP address>", "ip4:<IP-адрес>"}, "ip4:203.0.113.9"},

	ValueOpenCommand: {Text{"nc -v <host name> <port>", "nc -v <имя сервера> <порт>"}, "nc -v 203.0.113.9 25"},
	ValueTLSCommand: {
		Text{"openssl s_client -starttls smtp -connect <host name>:<port>", "openssl s_client -starttls smtp -connect <имя сервера>:<порт>"},
		"openssl s_client -starttls smtp -connect 203.0.113.9:25 -servername mail.example.org",
	},
	ValueDigCommand: {Text{"dig @<resolver>", "dig @<DNS-резолвер>"}, "dig @127.0.0.1"},

	ValueForeign:       {unknown: Text{"provider", "провайдер"}},
	ValueImplicitTLS:   {unknown: Text{"port", "порт"}},
	ValueSubmission:    {unknown: Text{"port", "порт"}},
	ValuePrivate:       {unknown: Text{"IP address", "IP-адрес"}},
	ValueLiteral:       {unknown: Text{"IP address", "IP-адрес"}},
	ValuePTRFits:       {unknown: Text{"name of the machine", "имя машины"}},
	ValueIPv6:          {unknown: Text{"IPv6 address", "IPv6-адрес"}},
	ValueOnlyIPv6:      {unknown: Text{"IPv6 address", "IPv6-адрес"}},
	ValueUserUnknown:   {unknown: Text{"code of the reply", "код ответа"}},
	ValueRelayDenied:   {unknown: Text{"code of the reply", "код ответа"}},
	ValueMailboxFull:   {unknown: Text{"code of the reply", "код ответа"}},
	ValueGreylisted:    {unknown: Text{"code of the reply", "код ответа"}},
	ValueClientRefused: {unknown: Text{"code of the reply", "код ответа"}},
}

// ExampleValues returns example values for the documentation, with those of an entry in place of the general ones.
func ExampleValues(own Values) Values {
	out := Values{}
	for name, p := range places {
		out[name] = cmp.Or(own[name], p.example)
	}
	return out
}

// With returns v with the values of o that are known in place of its own. Neither is changed.
func (v Values) With(o Values) Values {
	out := maps.Clone(v)
	if out == nil {
		out = Values{}
	}
	for name, value := range o {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// A Remedy is one thing to do. Its text may name values, as in "ask {host}", in code spans only.
type Remedy struct {
	Text   `yaml:",inline"`
	If     []string `yaml:"if"`     // Shown only where all these values are known.
	Unless []string `yaml:"unless"` // Shown only where none of these values is known.
}

// placeForm is how a text names a value.
var placeForm = regexp.MustCompile(`\{([a-z_]+)\}`)

// Fill returns the text in a language with the values that it names. A value that is not known is written as what it is, in
// angle brackets: <your domain>.
func (t Text) Fill(l Lang, v Values) string {
	return placeForm.ReplaceAllStringFunc(t.In(l), func(match string) string {
		name := match[1 : len(match)-1]
		if value := v[name]; value != "" {
			return inCode(value)
		}
		p, ok := places[name]
		switch unknown := p.unknown.In(l); {
		case !ok:
			return match
		case strings.Contains(unknown, "<"):
			return unknown
		default:
			return "<" + unknown + ">"
		}
	})
}

// inCode makes a value safe within a code span: peers choose some of them.
func inCode(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '\''
		case unicode.IsControl(r), !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

// RemediesFor returns what to do in a language where these values are known, the first thing first.
func (a *Advice) RemediesFor(l Lang, v Values) []string {
	return FillRemedies(a.Remedies, l, v)
}

// ofProvider is what to do about a server that a provider runs.
var ofProvider = Text{
	EN: "`{host}` is a server of `{foreign}`, and only they can change it. There is nothing to do here. If mail fails because of it, " +
		"report it to them.",
	RU: "`{host}` — сервер провайдера `{foreign}`, изменить его может только провайдер. Здесь делать ничего не нужно. Если из-за этого не " +
		"проходит почта, сообщите провайдеру.",
}

// MeaningFor returns what it means where these values are known.
func (a *Advice) MeaningFor(l Lang, v Values) string {
	return append(applying(a.MeaningIf, l, v), a.Meaning.In(l))[0]
}

// FillRemedies returns the remedies that apply where these values are known, in a language.
func FillRemedies(list []Remedy, l Lang, v Values) (out []string) {
	if v[ValueForeign] != "" {
		return []string{ofProvider.Fill(l, v)}
	}
	return applying(list, l, v)
}

// applying returns the texts that apply where these values are known.
func applying(list []Remedy, l Lang, v Values) (out []string) {
	known := func(name string) bool { return v[name] != "" }
	for _, r := range list {
		if slices.ContainsFunc(r.Unless, known) || slices.ContainsFunc(r.If, func(name string) bool { return !known(name) }) {
			continue
		}
		out = append(out, r.Fill(l, v))
	}
	return out
}

// A Record is a DNS record to publish.
type Record struct {
	Name string // The owner name, without a trailing dot.
	Type string
	Data string // Without quotes: as a form of a DNS host wants it.
}

// Record returns the record to publish; false if none is known.
func (v Values) Record() (Record, bool) {
	r := Record{v[ValueRecordName], v[ValueRecordType], v[ValueRecord]}
	return r, r.Name != "" && r.Type != "" && r.Data != ""
}

// maxRecord is how long a record to publish may be, in bytes: the TXT records of mail are shorter.
const maxRecord = 4096

// RecordValues is the reverse of Values.Record; nil for a record that cannot be shown whole and as it is, because it is very
// long or holds something else than printable ASCII.
func RecordValues(name, kind, data string) Values {
	plain := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '`' })
	}
	if len(data) > maxRecord || !plain(data) || !plain(name) {
		return nil
	}
	return Values{ValueRecordName: name, ValueRecordType: kind, ValueRecord: data}
}

// A File is a text file to publish on a web server.
type File struct{ URL, Text string }

// File returns the file to publish; false if none is known.
func (v Values) File() (File, bool) {
	f := File{v[ValueFileURL], v[ValueFile]}
	return f, f.URL != "" && f.Text != ""
}

// FileValues is the reverse of Values.File; nil for a text that cannot be shown whole and as it is, as in RecordValues.
func FileValues(url, text string) Values {
	if len(text) > maxRecord || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		return nil
	}
	return Values{ValueFileURL: url, ValueFile: text}
}

// remedies says what is wrong with remedies: beside texts in both languages, every value named must be in the closed set, in both
// languages and in a code span, and an entry must say what to do whichever values are known.
func (f *faults) remedies(name string, list []Remedy) {
	if len(list) == 0 {
		f.add(name, "remedies are missing")
	}
	always := false
	for _, r := range list {
		f.text(name, "remedies", r.Text)
		f.places(name, r.Text)
		for _, value := range slices.Concat(r.If, r.Unless) {
			if _, ok := places[value]; !ok {
				f.add(name, "a remedy depends on %s, which is no value", value)
			}
		}
		always = always || len(r.If) == 0
	}
	if len(list) > 0 && !always {
		f.add(name, "every remedy needs some value, and none may be known")
	}
}

// meanings says what is wrong with meanings that depend on values.
func (f *faults) meanings(name string, list []Remedy) {
	for _, m := range list {
		f.text(name, "meaning_if", m.Text)
		f.places(name, m.Text)
		for _, value := range slices.Concat(m.If, m.Unless) {
			if _, ok := places[value]; !ok {
				f.add(name, "a meaning depends on %s, which is no value", value)
			}
		}
	}
}

// places says what is wrong with the values that a text names.
func (f *faults) places(name string, t Text) {
	var named [2][]string
	for i, s := range []string{t.EN, t.RU} {
		for _, m := range placeForm.FindAllStringSubmatchIndex(s, -1) {
			value := s[m[2]:m[3]]
			if _, ok := places[value]; !ok {
				f.add(name, "{%s} is no value", value)
			}
			if strings.Count(s[:m[0]], "`")%2 == 0 {
				f.add(name, "{%s} stands outside of a code span", value)
			}
			named[i] = append(named[i], value)
		}
		slices.Sort(named[i])
		named[i] = slices.Compact(named[i])
	}
	if !slices.Equal(named[0], named[1]) {
		f.add(name, "the languages name different values: %v and %v", named[0], named[1])
	}
}
