package policydb

// The policy versions that are read and written. Linux 2.6.28 (2008) brought
// version 24; newer versions than 35 are refused, as their layout is unknown.
const (
	MinVersion = 24
	MaxVersion = 35
)

// Feature is something that a policy version brought.
type Feature uint8

// The features, POLICYDB_VERSION_FILENAME_TRANS to
// POLICYDB_VERSION_NEVERAUDIT in libsepol's policydb.h.
const (
	FeatureNameTransitions           Feature = iota // type_transition with a file name
	FeatureRoleTransitionClass                      // role_transition with a class
	FeatureObjectDefaults                           // default_user, default_role, default_range
	FeatureDefaultType                              // default_type
	FeatureConstraintNames                          // the types of a constraint as they were written
	FeatureXPerms                                   // extended permissions
	FeatureInfiniband                               // ibpkeycon, ibendportcon
	FeatureGLBLUB                                   // default_range glblub
	FeatureCompressedNameTransitions                // a set of source types in each name transition
	FeatureConditionalXPerms                        // extended permissions in conditionals
	FeatureNeverAudit                               // neveraudit types
	numFeatures
)

// features is the one place that says which version brought what.
var features = [numFeatures]struct {
	since uint32
	name  string
}{
	FeatureNameTransitions:           {25, "name transitions"},
	FeatureRoleTransitionClass:       {26, "classes in role transitions"},
	FeatureObjectDefaults:            {27, "default_user, default_role and default_range"},
	FeatureDefaultType:               {28, "default_type"},
	FeatureConstraintNames:           {29, "type sets in constraints"},
	FeatureXPerms:                    {30, "extended permissions"},
	FeatureInfiniband:                {31, "ibpkeycon and ibendportcon"},
	FeatureGLBLUB:                    {32, "default_range glblub"},
	FeatureCompressedNameTransitions: {33, "name transitions with a set of source types"},
	FeatureConditionalXPerms:         {34, "extended permissions in conditionals"},
	FeatureNeverAudit:                {35, "neveraudit types"},
}

// Since returns the first policy version with the feature.
func (f Feature) Since() uint32 { return features[f].since }

// String returns what the feature is, in the plural.
func (f Feature) String() string { return features[f].name }

// In reports whether a policy version has the feature.
func (f Feature) In(version uint32) bool { return version >= features[f].since }

// missing is the error for a policy of a version without the feature.
func (f Feature) missing(version uint32) error {
	return &VersionError{Version: version, What: f.String(), Since: f.Since()}
}
