package checks

// nullCases are those of TestMX in which a domain takes no mail and may send some.
var nullCases = func() (out []recordCase) {
	for _, c := range []struct{ name, zone, fails, want string }{
		{"forbids", `%s TXT "v=spf1 -all"`, "", ""},
		{"softly", `%s TXT "v=spf1 ~all"`, "", ""},
		{"no-exchangers", `%s TXT "v=spf1 mx -all"`, "", ""},
		{"everybody", `%s TXT "v=spf1 ip4:0.0.0.0/0 +all"`, "", ""},
		{"invalid", `%s TXT "v=spf1 a foo"`, "", ""},
		{"names", `%s TXT "v=spf1 mx a:www.%s -all"`, "", "! mx_null_sends\n"},
		{"redirected", "%s TXT \"v=spf1 redirect=a.%s\"\na.%s TXT \"v=spf1 ip4:192.0.2.1 -all\"", "", "! mx_null_sends\n"},
		{"redirected-nowhere", "%s TXT \"v=spf1 redirect=a.%s\"\na.%s TXT \"v=spf1 -all\"", "", ""},
		{"in-circles", `%s TXT "v=spf1 redirect=%s"`, "", ""},
		{"unknown", `%s TXT "v=spf1 redirect=a.%s"`, "a.%s", "? null MX\n"},
	} {
		out = append(out, recordCase{name: "null-" + c.name, fails: c.fails, zone: "%s MX 0 .\n" + c.zone, want: `
mx_hosts 0
mx_null 1
! mx_null
` + c.want + `follow nothing`})
	}
	return out
}()
