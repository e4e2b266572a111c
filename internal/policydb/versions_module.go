package policydb

import (
	"errors"
	"fmt"
)

// The module policy versions that are read and written. They count apart from
// policy versions.
const (
	MinModuleVersion = 4
	MaxModuleVersion = 24
)

// ModuleFeature is something that a module policy version brought.
type ModuleFeature uint8

// The features, MOD_POLICYDB_VERSION_MLS to MOD_POLICYDB_VERSION_TYPE_ATTR_ATTRS
// in libsepol's policydb.h, as far as modules other than base have them.
const (
	ModuleMLS                   ModuleFeature = iota // multi-level security
	ModuleMLSUsers                                   // users with levels as written
	ModuleRangeTransitions                           // range_transition
	ModuleCapabilities                               // policycap
	ModulePermissive                                 // permissive and expandattribute
	ModuleBounds                                     // typebounds and the like
	ModuleAliasValues                                // aliases that name their type
	ModuleNameTransitions                            // type_transition with a file name
	ModuleRoleTransitionClasses                      // role_transition with a class
	ModuleRoleAttributes                             // attribute_role
	ModuleTunables                                   // tunables apart from booleans
	ModuleXPerms                                     // extended permissions
	ModuleSelfTransitions                            // type rules with self
	ModuleConditionalXPerms                          // extended permissions in conditionals
	ModuleNeverAudit                                 // neveraudit types
	ModuleNestedAttributes                           // attributes in attributes
	numModuleFeatures
)

// moduleFeatures is the one place that says which version brought what.
var moduleFeatures = [numModuleFeatures]struct {
	since uint32
	name  string
}{
	ModuleMLS:                   {5, "multi-level security"},
	ModuleMLSUsers:              {6, "levels of users as written"},
	ModuleRangeTransitions:      {6, "range transitions"},
	ModuleCapabilities:          {7, "policy capabilities"},
	ModulePermissive:            {8, "flags of types"},
	ModuleBounds:                {9, "bounds"},
	ModuleAliasValues:           {10, "values of aliases"},
	ModuleNameTransitions:       {11, "name transitions"},
	ModuleRoleTransitionClasses: {12, "classes in role transitions"},
	ModuleRoleAttributes:        {13, "role attributes"},
	ModuleTunables:              {14, "tunables"},
	ModuleXPerms:                {18, "extended permissions"},
	ModuleSelfTransitions:       {21, "self in type rules"},
	ModuleConditionalXPerms:     {22, "extended permissions in conditionals"},
	ModuleNeverAudit:            {23, "neveraudit types"},
	ModuleNestedAttributes:      {24, "attributes in attributes"},
}

// Since returns the first module policy version with the feature.
func (f ModuleFeature) Since() uint32 { return moduleFeatures[f].since }

// String returns what the feature is.
func (f ModuleFeature) String() string { return moduleFeatures[f].name }

// In reports whether a module policy version has the feature.
func (f ModuleFeature) In(version uint32) bool { return version >= moduleFeatures[f].since }

// need is nil where used is false or the version has the feature.
func (f ModuleFeature) need(version uint32, used bool) error {
	if !used || f.In(version) {
		return nil
	}
	return &ModuleVersionError{Version: version, What: f.String(), Since: f.Since()}
}

// ModuleVersionError says that a module policy version is unknown, or cannot
// say something. It is also [errors.ErrUnsupported].
type ModuleVersionError struct {
	Version uint32 // the module policy's
	What    string // what the version cannot say, or "" for an unknown version
	Since   uint32 // the version that brought What
}

// Error implements error.
func (e *ModuleVersionError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("module policy version %d is not between %d and %d", e.Version, MinModuleVersion, MaxModuleVersion)
	}
	return fmt.Sprintf("module policy version %d cannot say %s (version %d brought that)", e.Version, e.What, e.Since)
}

// Is reports whether target is errors.ErrUnsupported.
func (e *ModuleVersionError) Is(target error) bool { return target == errors.ErrUnsupported }
