/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= apiextensions.v1.CustomResourceDefinition Adds a kind of objects to the API.
spec What the kind is called, and what its objects look like.
status Whether it is served.
= apiextensions.v1.CustomResourceDefinitionSpec What a kind is called, and what its objects look like.
conversion How objects are brought from one version to another.
group The group of the kind, such as example.org; the definition is named PLURAL.GROUP.
names What the kind is called.
preserveUnknownFields Has to be false: schemas say which unknown fields stay.
scope Namespaced or Cluster.
versions The versions, each with a schema; exactly one is stored.
= apiextensions.v1.CustomResourceDefinitionNames What a kind is called.
categories Groups of kinds that it belongs to, such as all.
kind The kind in CamelCase.
listKind The kind of its lists; the kind with List behind it unless set.
plural The resource in URLs: lower case, plural.
shortNames Short words for it, for kubectl.
singular The resource in the singular; the kind in lower case unless set.
= apiextensions.v1.CustomResourceConversion By itself, or by asking somebody.
strategy None changes apiVersion alone; Webhook asks somebody.
webhook Whom to ask.
= apiextensions.v1.CustomResourceDefinitionVersion A version of a kind.
additionalPrinterColumns What kubectl get shows beside the name; the age unless set.
deprecated Whether users of it are warned.
deprecationWarning What they are told.
name Its name, such as v1.
schema What its objects look like.
selectableFields Fields that field selectors may ask for.
served Whether it is offered.
storage Whether objects are stored in it; so for exactly one version.
subresources Whether it has status and scale.
= apiextensions.v1.CustomResourceColumnDefinition A column that kubectl get shows.
description What it shows, for people.
format How its type is written, such as int32.
jsonPath Path of the value in the object, such as .spec.replicas.
name Its heading.
priority 0 to be shown always, greater to be shown with -o wide only.
type Type of the value: integer, number, string, boolean or date.
= apiextensions.v1.CustomResourceValidation What objects look like.
openAPIV3Schema The schema.
= apiextensions.v1.SelectableField A field that field selectors may ask for.
jsonPath Path of the field, such as .spec.color.
= apiextensions.v1.CustomResourceSubresources Subresources of a kind.
scale The number of pods behind an object, for kubectl scale and autoscalers.
status A status that is written apart from the rest.
= apiextensions.v1.CustomResourceSubresourceScale Where in an object the number of pods is.
labelSelectorPath Path of their selector as text, such as .status.selector.
specReplicasPath Path of the number that is wanted, such as .spec.replicas.
statusReplicasPath Path of the number that there is, such as .status.replicas.
= apiextensions.v1.CustomResourceSubresourceStatus Says by its presence that status is written apart.
= apiextensions.v1.CustomResourceDefinitionStatus Whether a kind is served.
acceptedNames The names that it is served by.
conditions NamesAccepted, Established and others.
observedGeneration The metadata.generation that the conditions are about.
storedVersions Versions that objects may still be stored in.
= apiextensions.v1.CustomResourceDefinitionCondition (meta.v1.Condition) One aspect of a definition's state.
= apiextensions.v1.JSONSchemaProps A schema, as JSON Schema and OpenAPI 3.0 write it, with some words of Kubernetes' own.
$ref Another schema in place of this one; refused.
$schema The dialect that the schema is written in; refused.
description What the value is for; kubectl explain shows it.
format What the text or number is, such as date-time or int64.
id Name of the schema; refused.
pattern A regular expression that a text has to match.
title A heading for the value.
type One of object, array, string, integer, number or boolean.
exclusiveMaximum Whether maximum itself is too much.
exclusiveMinimum Whether minimum itself is too little.
nullable Whether null is allowed.
uniqueItems Whether items have to differ; refused in favour of x-kubernetes-list-type.
x-kubernetes-embedded-resource Whether the value is an object of the API with apiVersion, kind and metadata.
x-kubernetes-int-or-string Whether the value is either a number or a text.
x-kubernetes-preserve-unknown-fields Whether fields that are not in the schema stay.
x-kubernetes-list-type How server-side apply merges an array: atomic, set or map.
x-kubernetes-map-type How server-side apply merges an object: granular or atomic.
maximum The greatest number allowed.
minimum The least number allowed.
multipleOf A number that the value has to be a multiple of.
maxItems How many items there may be.
maxLength How long a text may be.
maxProperties How many members there may be.
minItems How many items there have to be.
minLength How long a text has to be.
minProperties How many members there have to be.
allOf Schemas all of which have to hold.
anyOf Schemas at least one of which has to hold.
oneOf Schemas exactly one of which has to hold.
additionalItems What items may be beyond those listed; refused.
additionalProperties What members of any name look like.
default What the value is when it is absent.
dependencies What follows from the presence of members; refused.
example An example of a value.
definitions Schemas to refer to; refused.
patternProperties What members look like by their names; refused.
properties What members look like, by name.
enum The only values allowed.
externalDocs Where more is written about it.
items What each item looks like.
not A schema that must not hold.
required Members that have to be there.
x-kubernetes-list-map-keys The fields by which items of a map-like array are told apart.
x-kubernetes-validations Rules in CEL that the value has to keep.
`
