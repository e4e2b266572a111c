//go:build kernelguest && linux

package kernel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
)

const (
	decisions        = 100_000
	flippedDecisions = 25_000 // again, with other states of the booleans
	newContexts      = 10_000
	validities       = 10_000
	maxReported      = 10 // differences told in full
)

// random returns a source of randomness whose seed is told, and can be set to
// repeat a run.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEKIT_KERNEL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEKIT_KERNEL_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 8))
}

// TestKernelPolicy holds the decisions of the policy package against those of
// the kernel that has the same policy loaded.
func TestKernelPolicy(t *testing.T) {
	guest.Require(t)
	start := time.Now()
	p := loaded(t)
	t.Logf("policy of version %d read and parsed in %v", p.Version(), time.Since(start))
	r := random(t)
	classes := kernelClasses(t, p)
	compareBooleans(t, "booleans", p)
	q := newQuestions(p, r, classes)
	compareDecisions(t, "decisions", p, q, decisions)
	compareNewContexts(t, p, q)
	compareValidity(t, p, q.contexts)

	flip := map[string]bool{}
	back := map[string]bool{}
	var changes []policy.Change
	for b := range p.Booleans() {
		// secure_mode_setbool and its like would not let us go back.
		if r.IntN(2) == 0 && !strings.HasPrefix(b.Name(), "secure_mode") {
			flip[b.Name()], back[b.Name()] = !b.State(), b.State()
			changes = append(changes, policy.SetBoolean{Name: b.Name(), On: !b.State()})
		}
	}
	setBooleans(t, flip)
	defer setBooleans(t, back)
	t.Logf("%d booleans flipped", len(flip))
	flipped, err := p.With(changes...)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel writes its policy with the booleans as they are now.
	compareBooleans(t, "booleans-flipped", loaded(t))
	compareBooleans(t, "booleans-with", flipped)
	compareDecisions(t, "decisions-booleans-flipped", flipped, q, flippedDecisions)
}

// compareBooleans compares the states with the files that hold them.
func compareBooleans(t *testing.T, name string, p *policy.Policy) {
	t.Helper()
	files, err := os.ReadDir(guest.FS + "/booleans")
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	for _, f := range files {
		b, err := p.Boolean(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(guest.FS + "/booleans/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		// current and pending value
		want := "0 0"
		if b.State() {
			want = "1 1"
		}
		if string(data) != want {
			different++
			t.Errorf("boolean %s: kernel %q, policy %v", f.Name(), data, b.State())
		}
	}
	if n := len(slices.Collect(p.Booleans())); n != len(files) {
		t.Errorf("the kernel has %d booleans, the policy %d", len(files), n)
	}
	guest.Report(t, name, len(files), different)
}

// questions makes random questions, half of them about what some rule says
// something: two random types seldom have anything to do with each other.
type questions struct {
	*contexts
	p            *policy.Policy
	classes      []*kernelClass
	byName       map[string]*kernelClass
	rules        []policy.Rule
	conditional  []policy.Rule
	transitions  []policy.Rule
	membersCache map[string][]string
	pool         map[string][]valid // by type
}

func newQuestions(p *policy.Policy, r *rand.Rand, classes []*kernelClass) *questions {
	q := &questions{
		contexts: newContextMaker(p, r), p: p, classes: classes,
		byName: map[string]*kernelClass{}, membersCache: map[string][]string{},
		pool: map[string][]valid{},
	}
	for _, c := range classes {
		q.byName[c.class.Name()] = c
	}
	rules, err := p.Rules(policy.RuleQuery{Kinds: policy.AccessKinds | policy.KindTypeTransition})
	if err != nil {
		panic(err) // no name was asked for
	}
	for rule := range rules {
		if rule.Kind() == policy.KindTypeTransition {
			q.transitions = append(q.transitions, rule)
			continue
		}
		q.rules = append(q.rules, rule)
		if _, ok := rule.Condition(); ok {
			q.conditional = append(q.conditional, rule)
		}
	}
	return q
}

// member returns a random type of an attribute, or the type.
func (q *questions) member(name string) string {
	members, ok := q.membersCache[name]
	if !ok {
		members = []string{name}
		if a, err := q.p.Attribute(name); err == nil {
			members = nil
			for t := range a.Types() {
				members = append(members, t.Name())
			}
		}
		q.membersCache[name] = members
	}
	if len(members) == 0 {
		return ""
	}
	return pick(q.r, members)
}

// valid is a context that the policy has looked up.
type valid struct {
	text string
	sid  policy.SID
}

// ask returns two valid contexts and a class.
func (q *questions) ask(rules []policy.Rule) (source, target valid, class *kernelClass) {
	if rules == nil {
		return q.valid(""), q.valid(""), pick(q.r, q.classes)
	}
	rule := pick(q.r, rules)
	return q.valid(q.member(rule.Source())), q.valid(q.member(rule.Target())), q.byName[rule.Class()]
}

// valid makes a valid context of a type, or takes one made before.
func (q *questions) valid(typ string) valid {
	if typ == "" {
		typ = pick(q.r, q.types).Name()
	}
	if pool := q.pool[typ]; len(pool) > q.r.IntN(12) {
		return pick(q.r, pool)
	}
	for {
		text := q.likely(typ)
		c, err := policy.ParseContext(text)
		if err != nil {
			continue
		}
		if sid, err := q.p.SID(c); err == nil {
			v := valid{text, sid}
			q.pool[typ] = append(q.pool[typ], v)
			return v
		}
	}
}

func compareDecisions(t *testing.T, name string, p *policy.Policy, q *questions, decisions int) {
	t.Helper()
	fs, buf := openFS(t), make([]byte, 4096)
	different, granting, conditional := 0, 0, 0
	var inKernel time.Duration
	start := time.Now()
	for i := range decisions {
		var rules []policy.Rule
		switch {
		case i%4 == 1 && len(q.conditional) > 0:
			rules = q.conditional
			conditional++
		case i%4 >= 2:
			rules = q.rules
		}
		source, target, class := q.ask(rules)
		asked := time.Now()
		want, err := access(fs, source.text, target.text, class.index, buf)
		inKernel += time.Since(asked)
		if err != nil {
			t.Fatalf("kernel: %s %s %s: %v", source.text, target.text, class.class.Name(), err)
		}
		v := p.AccessVector(source.sid, target.sid, class.class)
		got := kernelVector{class.translate(v.Allowed), class.translate(v.AuditAllow), class.translate(v.AuditDeny), v.Permissive}
		// The kernel sets all bits of auditdeny that no dontaudit rule
		// clears, those without a permission too.
		want.auditDeny &= class.translate(^uint32(0))
		if want.allowed != 0 {
			granting++
		}
		if got != want {
			if different++; different <= maxReported {
				t.Errorf("%s %s %s: kernel %+v, policy %+v", source.text, target.text, class.class.Name(), want, got)
			}
		}
	}
	took := time.Since(start)
	t.Logf("%d decisions (%d grant something, %d about a conditional rule) in %.1fs, %.1fs of it in the kernel",
		decisions, granting, conditional, took.Seconds(), inKernel.Seconds())
	if granting < decisions/10 {
		t.Errorf("only %d of %d questions are about anything", granting, decisions)
	}
	guest.Report(t, name, decisions, different)
}

// compareNewContexts asks what context a new object gets.
func compareNewContexts(t *testing.T, p *policy.Policy, q *questions) {
	t.Helper()
	fs, buf := openFS(t), make([]byte, 4096)
	different, refused, changed := 0, 0, 0
	start := time.Now()
	for i := range newContexts {
		var rules []policy.Rule
		if i%2 == 0 {
			rules = q.transitions
		}
		source, target, class := q.ask(rules)
		name := pick(q.r, []string{"", "x", "tmp", "fd", "devnull"})
		if i%4 == 0 {
			if named := pick(q.r, rules); named.Name() != "" {
				name = named.Name()
			}
		}
		question := fmt.Appendf(nil, "%s %s %d", source.text, target.text, class.index)
		if name != "" {
			question = append(append(question, ' '), name...)
		}
		answer, kernelErr := transact(fs, "create", question, buf)
		want := strings.TrimSuffix(string(answer), "\x00")
		if kernelErr != nil {
			if !errors.Is(kernelErr, syscall.EACCES) {
				t.Fatalf("kernel: create %s: %v", question, kernelErr)
			}
			want = "refused"
			refused++
		}
		c, err := p.NewContext(source.sid.Context(), target.sid.Context(), class.class.Name(), name)
		got := c.String()
		if invalid := new(policy.ContextError); errors.As(err, &invalid) {
			got = "refused"
		} else if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		if want != target.sid.Context().String() {
			changed++
		}
		if got != want {
			if different++; different <= maxReported {
				t.Errorf("create %s (%s): kernel %s, policy %s %v", question, class.class.Name(), want, got, err)
			}
		}
	}
	t.Logf("%d new contexts (%d not the target's, %d refused) in %.1fs", newContexts, changed, refused, time.Since(start).Seconds())
	guest.Report(t, "new-contexts", newContexts, different)
}

// compareValidity asks which contexts are valid, and how the kernel writes
// them.
func compareValidity(t *testing.T, p *policy.Policy, c *contexts) {
	t.Helper()
	fs, buf := openFS(t), make([]byte, 4096)
	different, valid := 0, 0
	start := time.Now()
	for i := range validities {
		text := c.any()
		if i%4 == 0 {
			text = c.likely("")
		}
		answer, err := transact(fs, "context", []byte(text), buf)
		want := "invalid"
		switch {
		case err == nil:
			want = strings.TrimSuffix(string(answer), "\x00")
			valid++
		case !errors.Is(err, syscall.EINVAL):
			t.Fatalf("kernel: context %q: %v", text, err)
		}
		got := "invalid"
		if parsed, err := policy.ParseContext(text); err == nil {
			if sid, err := p.SID(parsed); err == nil {
				got = sid.Context().String()
			}
		}
		if got != want {
			if different++; different <= maxReported {
				t.Errorf("context %q: kernel %q, policy %q", text, want, got)
			}
		}
	}
	t.Logf("%d contexts (%d valid) in %.1fs", validities, valid, time.Since(start).Seconds())
	if valid < validities/10 || valid > validities*9/10 {
		t.Errorf("%d of %d contexts are valid: the questions are too much alike", valid, validities)
	}
	guest.Report(t, "context-validity", validities, different)
}
