//go:build oracle

package avc_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// disguise is a change to a text that leaves the record in it.
type disguise struct {
	name string
	do   func(s string) string
}

// disguises are what logs, mails, terminals and web pages do to the lines that
// pass through them. The record in them stays the same.
var disguises = []disguise{
	{"mail quote", prefixed("> ")},
	{"mail quotes", prefixed(">> > ")},
	{"mail quote of old", prefixed("| ")},
	{"name of who is quoted", prefixed("anna> ")},
	{"indented", prefixed("        ")},
	{"tab", prefixed("\t")},
	{"bullet", prefixed(" * ")},
	{"dash", prefixed("- ")},
	{"real bullet", prefixed("\u2022 ")},
	{"number", prefixed("12. ")},
	{"line number", prefixed("  117\t")},
	{"comment", prefixed("# ")},
	{"C comment", prefixed("// ")},
	{"shell trace", prefixed("+ ")},
	{"diff", prefixed("+")},
	{"grep", prefixed("/var/log/audit/audit.log-20240131:1093:")},
	{"grep context", prefixed("audit.log.1-")},
	{"dmesg", prefixed("[   12.345678] ")},
	{"dmesg raw", prefixed("<36>[   12.345678] ")},
	{"dmesg -T", prefixed("[Sat Nov 21 01:40:18 2026] ")},
	{"dmesg with CPU", prefixed("[   12.345678][  T412] ")},
	{"syslog", prefixed("Nov 21 01:40:18 web1 kernel: ")},
	{"syslog with time of boot", prefixed("Nov 21 01:40:18 web1 kernel: [   12.345678] ")},
	{"syslog audispd", prefixed("Nov  1 01:40:18 web1 audispd: ")},
	{"syslog ISO", prefixed("2026-11-21T01:40:18.215109+01:00 web1 kernel: ")},
	{"RFC 5424", prefixed("<13>1 2026-11-21T01:40:18.215109Z web1 audisp-syslog 712 - [x@1 y=\"z\"] ")},
	{"console", prefixed("web1 login: [   12.345678] ")},
	{"container log", prefixed("2026-11-21T01:40:18.215109Z stdout F ")},
	{"compose", prefixed("web_1  | ")},
	{"ansible", func(s string) string { return "ok: [web1] => {\n    \"msg\": " + quoteJSON(s) + "\n}" }},
	{"JSON", func(s string) string { return `{"log":` + quoteJSON(s+"\n") + `,"stream":"stdout"}` }},
	{"JSON list", func(s string) string {
		return "\"stdout_lines\": [\n        " + quoteJSON(s) + ",\n        \"\"\n    ]"
	}},
	{"Go quotes", func(s string) string { return "level=info msg=" + quoteJSON(s) }},
	{"CSV", func(s string) string { return `17,"` + strings.ReplaceAll(s, `"`, `""`) + `",2026` }},
	{"single quotes", func(s string) string { return "echo '" + s + "' | audit2allow" }},
	{"code", func(s string) string { return "`" + s + "`" }},
	{"code fence", func(s string) string { return "```\n" + s + "\n```" }},
	{"code fence with language", func(s string) string { return "~~~text\n" + s + "\n~~~" }},
	{"bold", func(s string) string { return "**" + s + "**" }},
	{"HTML", func(s string) string { return "<pre>" + escapeHTML(s) + "</pre>" }},
	{"HTML line", func(s string) string { return "<p><code>" + escapeHTML(s) + "</code><br />" }},
	{"HTML numbers", func(s string) string {
		return strings.NewReplacer("&", "&#38;", "<", "&#60;", ">", "&#x3e;", `"`, "&#34;", "'", "&#x27;").Replace(s)
	}},
	{"HTML blanks", func(s string) string { return strings.ReplaceAll(escapeHTML(s), "  ", "&nbsp; ") }},
	{"comma", func(s string) string { return s + "," }},
	{"full stop", func(s string) string { return s + "." }},
	{"words", func(s string) string { return "I get this: " + s }},
	{"colon", func(s string) string { return "Raw Audit Messages :" + s }},
	{"trailing blanks", func(s string) string { return s + "   \t" }},
	{"CRLF", func(s string) string { return s + "\r" }},
	{"byte order mark", func(s string) string { return "\ufeff" + s }},
	{"blanks of two bytes", func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") }},
	{"double blanks", func(s string) string { return strings.ReplaceAll(s, "  ", "\u00a0 ") }},
	{"blanks lost", func(s string) string { return strings.ReplaceAll(s, "  ", " ") }},
	{"colours", func(s string) string { return "\x1b[1;31m" + s + "\x1b[0m" }},
	{"colour of a word", func(s string) string { return strings.ReplaceAll(s, "denied", "\x1b[01;31m\x1b[Kdenied\x1b[m\x1b[K") }},
	{"colour of avc:", func(s string) string { return strings.ReplaceAll(s, "avc:", "\x1b[01;31m\x1b[Kavc:\x1b[m\x1b[K") }},
	{"colour of fields", func(s string) string { return strings.ReplaceAll(s, "comm=", "\x1b[32mcomm=\x1b[39m") }},
	{"journal in colour", func(s string) string { return "Nov 21 01:40:18 web1 kernel: \x1b[0;1;39m" + s + "\x1b[0m" }},
	{"curly quotes", func(s string) string { return curly(s, "\u201c", "\u201d") }},
	{"low quotes", func(s string) string { return curly(s, "\u201e", "\u201c") }},
	{"quotes of two", func(s string) string { return strings.ReplaceAll(s, `"`, "''") }},
	{"after a note", func(s string) string { return "audit: 12 callbacks suppressed\n" + s }},
	{"before a note", func(s string) string {
		return s + "\nNov 21 01:40:18 web1 systemd-journald[1]: Suppressed 32 messages from init.scope"
	}},
	{"before a message", func(s string) string { return s + "\nlast message repeated 3 times" }},
	{"before prose", func(s string) string { return s + "\nso what does it mean?" }},
	{"before a prompt", func(s string) string { return s + "\n[root@web1 ~]# setenforce 0" }},
	{"after a prompt", func(s string) string { return "[root@web1 ~]# ausearch -m avc\n----\n" + s }},
	{"twice", func(s string) string { return s + "\n" + s }},
	{"glued twice", func(s string) string {
		if strings.Contains(s, "SELINUX_ERR") {
			return s // nothing tells where the second begins, if it has no header
		}
		return s + " " + s
	}},
	{"quoted-printable", func(s string) string { return strings.ReplaceAll(s, "=", "=3D") }},
	{"curly quotes, wrapped between words", func(s string) string { return foldWords(curly(s, "\u201c", "\u201d"), 72, "") }},
	{"HTML, wrapped between words", func(s string) string { return "<pre>" + foldWords(escapeHTML(s), 80, "") + "</pre>" }},
	{"colours, wrapped anywhere", func(s string) string { return "\x1b[31m" + foldColumns(s, 80) + "\x1b[0m" }},
	{"mail, encoded", func(s string) string {
		text := softBreaks(strings.ReplaceAll(s, "=", "=3D"), 76)
		if first, _, _ := strings.Cut(text, "\n"); !strings.Contains(first, "=3D") {
			return s // nothing tells yet what the sign at the line's end means
		}
		return text
	}},
	{"wrapped and quoted twice", func(s string) string { return "> > " + foldWords(s, 68, "> > ") }},
	{"wrapped by the mail program of who answers", func(s string) string { return "> " + foldWords(s, 76, "") }},
	{"blanks of two bytes, wrapped", func(s string) string { return strings.ReplaceAll(foldWords(s, 76, ""), " ", "\u00a0") }},
	{"wrapped with backslashes", func(s string) string { return strings.ReplaceAll(foldWords(s, 76, "    "), "\n", " \\\n") }},
	{"wrapped with CRLF", func(s string) string { return strings.ReplaceAll(foldWords(s, 76, ""), "\n", "\r\n") }},
	{"wrapped with trailing blanks", func(s string) string { return strings.ReplaceAll(foldWords(s, 76, ""), "\n", "  \n") }},
	{"wrapped and tab", func(s string) string { return foldWords(s, 76, "\t") }},
	{"wrapped comment", func(s string) string { return "# " + foldWords(s, 76, "# ") }},
	{"wrapped in a table", func(s string) string { return "| " + foldWords(s, 76, "| ") }},
	{"bold permissions", replaced(`\{ ([\w ]+?) \}`, "{ **$1** }")},
	{"bold verdict", replaced(`denied`, "**denied**")},
	{"bold fields", replaced(`(scontext|tcontext|tclass|comm)=(\S+)`, "**$1=$2**")},
	{"bold values", replaced(`(scontext|tcontext|tclass)=(\S+)`, "$1=**$2**")},
	{"bold types", replaced(`([a-z]+_r:)(\w+_t)`, "$1**$2**")},
	{"bold and italic header", replaced(`type=(\w+)`, "***type=$1***")},
	{"code in fields", replaced(`(scontext|tcontext|tclass)=(\S+)`, "`$1=$2`")},
	{"Markdown's escapes", func(s string) string { return strings.NewReplacer("_", `\_`, "*", `\*`).Replace(s) }},
	{"HTML bold types", replaced(`([a-z]+_r:)(\w+_t)`, "$1<b>$2</b>")},
	{"HTML spans", replaced(`(scontext|tcontext|tclass|comm|denied)`, `<span class="k">$1</span>`)},
	{"HTML emphasis", func(s string) string { return replaced(`\{ ([\w ]+?) \}`, "{ <em>$1</em> }")(escapeHTML(s)) }},
	{"HTML braces", func(s string) string {
		return strings.NewReplacer("{", "&#123;", "}", "&#125;").Replace(escapeHTML(s))
	}},
	{"HTML blanks by number", func(s string) string { return strings.ReplaceAll(escapeHTML(s), "  ", "&#160; ") }},
	{"HTML blanks by hexadecimal number", func(s string) string { return strings.ReplaceAll(escapeHTML(s), "  ", "&#xA0; ") }},
	{"HTML of HTML", func(s string) string { return escapeHTML(escapeHTML(s)) }},
	{"HTML cell", func(s string) string { return "<tr><td>1</td><td>" + escapeHTML(s) + "</td></tr>" }},
	{"HTML words", func(s string) string { return strings.ReplaceAll(s, "_", "_<wbr>") }},
	{"HTML lines", func(s string) string { return "<p>" + foldWords(s, 80, "") + "</p>" }},
	{"HTML lines, broken", func(s string) string { return strings.ReplaceAll(foldWords(s, 80, ""), "\n", "<br />\n") }},
	{"HTML of a mail archive", func(s string) string {
		const open, shut = `<span class="quotelev1">&gt; `, "\n</span><br>\n"
		return open + strings.ReplaceAll(foldWords(escapeHTML(s), 76, ""), "\n", shut+open) + shut
	}},
	{"blanks of one byte", func(s string) string { return strings.ReplaceAll(s, "  ", " \xa0") }},
	{"blanks of the wrong encoding", func(s string) string { return strings.ReplaceAll(s, "  ", " \u00c2\u00a0") }},
	{"narrow blanks", func(s string) string { return strings.ReplaceAll(s, "  ", "\u202f ") }},
	{"wide blanks", func(s string) string { return strings.ReplaceAll(s, " ", "\u3000") }},
	{"places to break at", func(s string) string { return strings.NewReplacer("=", "=\u200b", "_", "_\u200b").Replace(s) }},
	{"soft hyphens", func(s string) string { return strings.ReplaceAll(s, "_", "\u00ad_") }},
	{"quotes of the wrong encoding", func(s string) string { return curly(s, "\u00e2\u20ac\u0153", "\u00e2\u20ac\u009d") }},
	{"quotes of Windows", func(s string) string { return curly(s, "\x93", "\x94") }},
	{"closing quotes", func(s string) string { return curly(s, "\u201d", "\u201d") }},
	{"grave quotes", func(s string) string { return strings.ReplaceAll(s, `"`, "`") }},
	{"JSON of JSON", func(s string) string { return `{"message":` + quoteJSON(`{"log":`+quoteJSON(s)+`}`) + `}` }},
	{"JSON escapes", func(s string) string {
		return `{"msg":"` + strings.NewReplacer(`\`, `\\`, `"`, `\u0022`, "<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "=", `\u003d`).Replace(s) + `"}`
	}},
	{"brackets", func(s string) string { return "[" + s + "]" }},
	{"function before it", prefixed("[hmseh:392]")},
	{"level before it", prefixed("web1 audit: <audit-1400> ")},
	{"brace lost", func(s string) string { return strings.Replace(s, " } for", " for", 1) }},
	{"double braces", replaced(`\{ ([\w ]+?) \}`, "{{ $1 }}")},
	{"blanks around equals signs", typed(` (pid|comm|ino|scontext|tcontext|tclass|permissive)=`, " $1 = ")},
	{"blanks behind equals signs", typed(` (pid|comm|ino|scontext|tcontext|tclass|permissive)=`, " $1= ")},
	{"comma behind the number", replaced(`(pid=\d+) comm`, "$1,comm")},
	{"commas", typed(` (comm|name|path|dev|ino|scontext|tcontext|tclass|permissive)=`, ", $1=")},
	{"left out", replaced(` pid=\d+ `, " [...] ")},
	{"left out, with dots", replaced(` ino=\d+ `, " … ")},
	{"a line for each field", replaced(` (comm|name|path|dev|ino|scontext|tcontext|tclass|permissive)=`, "\n$1=")},
	{"spaced lines", replaced(` (scontext|tcontext|tclass)=`, "\n\n$1=")},
	{"bullets", replaced(` (scontext|tcontext|tclass)=`, "\n- $1=")},
	{"wrapped patch", func(s string) string { return "+" + foldWords(s, 76, "+") }},
	{"wrapped patch, taken out", func(s string) string { return "-" + foldWords(s, 76, "-") }},
	{"wrapped C comment", func(s string) string { return " * " + foldWords(s, 76, " * ") }},
	{"wrapped SQL comment", func(s string) string { return "-- " + foldWords(s, 76, "-- ") }},
	{"wrapped m4 comment", func(s string) string { return "dnl " + foldWords(s, 76, "dnl ") }},
	{"wrapped in a box", func(s string) string {
		return "│ " + strings.ReplaceAll(foldWords(s, 76, "│ "), "\n", " │\n") + " │"
	}},
	{"wrapped in a table with both borders", func(s string) string {
		return "| " + strings.ReplaceAll(foldWords(s, 76, "| "), "\n", " |\n") + " |"
	}},
	{"wrapped with arrows", func(s string) string { return strings.ReplaceAll(foldColumns(s, 80), "\n", "\n↪ ") }},
	{"wrapped by a shell", func(s string) string { return strings.ReplaceAll(foldColumns(s, 80), "\n", "\\\n") }},
	{"strings", func(s string) string { return stringPieces(strings.ReplaceAll(s, `"`, `\"`), `"`, `"`) }},
	{"strings, added", func(s string) string { return stringPieces(strings.ReplaceAll(s, `"`, `\"`), `"`, `" +`) }},
	{"mail, encoded and quoted", func(s string) string {
		var b strings.Builder
		for line := range strings.Lines("> " + foldWords(strings.ReplaceAll(s, "=", "=3D"), 70, "> ")) {
			b.WriteString(softBreaks(line, 76))
		}
		if first, _, _ := strings.Cut(b.String(), "\n"); strings.Count(first, "=3D") < 2 {
			return s
		}
		return b.String()
	}},
	{"wiki", func(s string) string { return "{{{\n" + s + "\n}}}" }},
	{"noformat", func(s string) string { return "{noformat}" + s + "{noformat}" }},
	{"table", func(s string) string { return "| denial | " + s + " | yes |" }},
}

// replaced replaces what a regular expression matches.
func replaced(pattern, by string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(s string) string { return re.ReplaceAllString(s, by) }
}

// typed is replaced for what people do to a record that they type; nobody types
// one that ausearch -i wrote, where it could not be told from a name.
func typed(pattern, by string) func(string) string {
	do := replaced(pattern, by)
	return func(s string) string {
		if interpretedStamp.MatchString(s) || !strings.Contains(s, "avc:") {
			return s
		}
		return do(s)
	}
}

var interpretedStamp = regexp.MustCompile(`audit\([^)]*[/ ]`)

// stringPieces writes a text as a program does that puts it together from
// several strings.
func stringPieces(s, open, shut string) string {
	var lines []string
	for len(s) > 70 {
		n := strings.LastIndexByte(s[:70], ' ') + 1
		if n == 0 || strings.HasSuffix(s[:n], "\\") {
			n = 70
			for s[n-1] == '\\' {
				n--
			}
		}
		lines = append(lines, open+s[:n]+shut)
		s = s[n:]
	}
	lines = append(lines, open+s+open)
	return "x = " + strings.Join(lines, "\n    ")
}

func prefixed(p string) func(string) string { return func(s string) string { return p + s } }

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.TrimSpace(b.String())
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s)
}

// curly puts other quotes in the place of plain ones, the opening and the
// closing ones in turns.
func curly(s, open, shut string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, `"`) {
		switch {
		case i == 0:
		case i%2 == 1:
			b.WriteString(open)
		default:
			b.WriteString(shut)
		}
		b.WriteString(part)
	}
	return b.String()
}

// softBreaks breaks a text as an encoded mail is.
func softBreaks(s string, width int) string {
	var b strings.Builder
	for len(s) >= width {
		n := width - 1
		for _, back := range []int{1, 2} { // not inside =3D
			if s[n-back] == '=' {
				n -= back
				break
			}
		}
		b.WriteString(s[:n] + "=\n")
		s = s[n:]
	}
	return b.String() + s
}

// undisguisable lists the records that need not read as they did, and why.
var undisguisable = map[string]string{
	"R00179": "the fields stand before avc:",
	"R01355": "is damaged: accounts _t, which is accounts_t where a line ends between",
	"R01500": "the message's last quote is missing, so that a second record on its line is a part of it",
	"R01711": "a program's text with a damaged number (pid=2 496), and avc: broken behind three quotes",
}

// TestOracleDisguised passes the records of the corpus that are on one line
// through each disguise: they must read as they did.
func TestOracleDisguised(t *testing.T) {
	holdDisguised(t, "avc-disguised", disguises, func(p *published) bool { return !strings.Contains(p.Text, "\n") })
}

// blockDisguises are what is done to several lines at once.
var blockDisguises = []disguise{
	{"mail quote", eachLine("> ", "")},
	{"mail quotes", eachLine(">> > ", "")},
	{"tight mail quote", eachLine(">", "")},
	{"name of who is quoted", eachLine("anna> ", "")},
	{"indented", eachLine("    ", "")},
	{"tab", eachLine("\t", "")},
	{"comment", eachLine("# ", "")},
	{"C comment", eachLine(" * ", "")},
	{"SQL comment", eachLine("-- ", "")},
	{"m4 comment", eachLine("dnl ", "")},
	{"patch", eachLine("+", "")},
	{"patch, taken out", eachLine("-", "")},
	{"box", eachLine("│ ", " │")},
	{"table", eachLine("| ", " |")},
	{"line numbers", func(s string) string {
		var b strings.Builder
		n := 8
		for line := range strings.Lines(s) {
			fmt.Fprintf(&b, "%5d  %s", n, line)
			n++
		}
		return b.String()
	}},
	{"CRLF", eachLine("", "\r")},
	{"trailing blanks", eachLine("", "  ")},
	{"colours", eachLine("\x1b[31m", "\x1b[0m")},
	{"code fence", func(s string) string { return "```\n" + s + "\n```" }},
	{"HTML", func(s string) string { return "<pre>" + escapeHTML(s) + "</pre>" }},
	{"HTML of HTML", func(s string) string { return escapeHTML(escapeHTML(s)) }},
	{"HTML lines", func(s string) string { return eachLine("", "<br>")(escapeHTML(s)) }},
	{"HTML lines, quoted", func(s string) string { return eachLine("&gt; ", "<br />")(escapeHTML(s)) }},
	{"HTML blanks", func(s string) string { return strings.ReplaceAll(escapeHTML(s), "  ", "&nbsp; ") }},
	{"blanks of two bytes", func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") }},
	{"bold types", replaced(`([a-z]+_r:)(\w+_t)`, "$1**$2**")},
	{"twice", func(s string) string { return s + "\n\n" + s }},
	{"before prose", func(s string) string { return s + "\nWhat is that?" }},
}

// eachLine puts something before and behind each line of a text.
func eachLine(before, behind string) func(string) string {
	return func(s string) string { return before + strings.ReplaceAll(s, "\n", behind+"\n"+before) + behind }
}

// TestOracleDisguisedBlocks is the same for the blocks of several lines.
func TestOracleDisguisedBlocks(t *testing.T) {
	holdDisguised(t, "avc-disguised-blocks", blockDisguises, func(p *published) bool { return strings.Contains(p.Text, "\n") })
}

// holdDisguised passes the chosen blocks of the corpus through each disguise.
func holdDisguised(t *testing.T, name string, disguises []disguise, choose func(*published) bool) {
	f, err := os.Open(shared(t, "corpus", "avc", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<22)
	compared, different := 0, 0
	failed := make(map[string]int)
	for in.Scan() {
		var p published
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if undisguisable[p.ID] != "" || !choose(&p) || p.Tclass == "" {
			continue
		}
		want, problem := readPublished(p.Text)
		if problem != "" {
			continue
		}
		for _, d := range disguises {
			text := d.do(p.Text)
			if text == p.Text {
				continue
			}
			compared++
			if got, problem := readPublished(text); problem != "" || got != want {
				different++
				if failed[d.name]++; failed[d.name] <= 3 {
					t.Logf("%s %s: %s %+v\nwant %+v\n%s", p.ID, d.name, problem, got, want, text)
				}
			}
		}
	}
	for name, n := range failed {
		t.Logf("%5d %s", n, name)
	}
	oracle.Report(t, name, compared, different)
}
