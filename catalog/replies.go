package catalog

// A Reply says what the replies that match it mean.
type Reply struct {
	Advice   `yaml:",inline"`
	Verdict  `yaml:",inline"`
	Provider string `yaml:"provider"` // Only where this provider answers; "" means whoever answers.
	Match    Match  `yaml:"match"`
	Sure     bool   `yaml:"sure"`    // Provider and enhanced code decide, whatever the text says.
	General  bool   `yaml:"general"` // Its words say little: every entry without general that matches by words too is preferred.
}

// A Match holds if every condition in it does; text and near are one condition, of which either half is enough. A phrase begins
// where a word does; case, accents and white space do not matter, and a hyphen within a word is a space. Within mail and web
// addresses, names of hosts and paths only a phrase is found that is a piece of one: a word with a dot, a slash or an equals
// sign in it.
//
// A pattern of near is several words, which hold in whatever order they stand: all within one clause (up to ". ", ";", "!"
// or "?") and none more than ten words from the first. "$mailbox full|voll over_quota block* -sender" asks for a word of the
// group mailbox (data/words.yml), one of two words, a phrase of two words, and a word that begins so, in a clause in which
// "sender" does not stand. @address stands for any mail address, @host for any name of a host, @ip for any IP address.
type Match struct {
	Codes     []int    `yaml:"codes"`     // Any of these.
	Enhanced  []string `yaml:"enhanced"`  // Any of these; "4.7.500-4.7.699" means all between.
	Text      []string `yaml:"text"`      // Any of these phrases stands in the text.
	Near      []string `yaml:"near"`      // Or the words of any of these patterns stand near each other.
	Also      []string `yaml:"also"`      // And any of these phrases.
	Not       []string `yaml:"not"`       // And none of these phrases.
	Blocklist bool     `yaml:"blocklist"` // And a blocklist is named.
}

// A ReplyCode says what three digits mean when nothing else is known.
type ReplyCode struct {
	Advice  `yaml:",inline"`
	Verdict `yaml:",inline"`
	Code    int `yaml:"code"`
}

// An EnhancedCode says what an enhanced status code means in the IANA registry (RFC 3463, RFC 5248).
type EnhancedCode struct {
	Advice    `yaml:",inline"`
	Verdict   `yaml:",inline"`
	Detail    string   `yaml:"detail"`    // Subject and detail: "7.26" for 2.7.26, 4.7.26 and 5.7.26.
	Transient *Verdict `yaml:"transient"` // For class 4, where it differs.
}

// A Condition is something that people look for and that is no reply, as an error of a mail program.
type Condition struct {
	Advice  `yaml:",inline"`
	Verdict `yaml:",inline"`
	Words   []string `yaml:"words"` // Phrases by which it is looked for, in both languages.
}

// A Setting says where mail programs keep something that remedies speak of.
type Setting struct {
	ID    string `yaml:"id"`
	Title Text   `yaml:"title"`
	Where []struct {
		Program string `yaml:"program"`
		Path    Text   `yaml:"path"` // The way through its menus.
	} `yaml:"where"`
}

// Reading says how a reply is read.
type Reading struct {
	Code   Text `yaml:"code"`
	Digits struct {
		First  map[string]Text `yaml:"first"`
		Second map[string]Text `yaml:"second"`
	} `yaml:"digits"`
	Unknown    Text            `yaml:"unknown"`
	Enhanced   Text            `yaml:"enhanced"`
	Provider   Text            `yaml:"provider"`
	Subjects   map[string]Text `yaml:"subjects"`
	Positive   Text            `yaml:"positive"`
	Lost       Text            `yaml:"lost"`
	References []string        `yaml:"references"`
}
