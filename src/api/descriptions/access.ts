/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.ServiceAccount Somebody that programs in the cluster act as towards the API.
secrets Secrets with tokens from earlier times; pods get tokens of their own now.
imagePullSecrets Secrets with credentials of registries, for pods of this account that name none.
automountServiceAccountToken Whether its pods get a token; they may say otherwise.
= rbac.v1.Role Rights in one namespace.
rules What may be done.
= rbac.v1.ClusterRole Rights in the whole cluster, or in the namespace where a RoleBinding grants it.
rules What may be done.
aggregationRule Other ClusterRoles whose rights it consists of; its own rules are written by the cluster then.
= rbac.v1.AggregationRule The ClusterRoles that another one consists of.
clusterRoleSelectors Roles that one of these selectors chooses.
= rbac.v1.PolicyRule Something that may be done.
verbs What may be done, such as get, list, watch, create, update, patch or delete; * for everything.
apiGroups In these groups; the core group is an empty name, * all of them.
resources To these resources, such as pods or pods/log; * for all of them.
resourceNames Only to objects of these names; to all unless set.
nonResourceURLs To these paths beside the objects, such as /metrics; in ClusterRoles only.
= rbac.v1.RoleBinding Gives the rights of a Role or ClusterRole to somebody, in one namespace.
subjects Who gets them.
roleRef The role; can't be changed.
= rbac.v1.ClusterRoleBinding Gives the rights of a ClusterRole to somebody, in the whole cluster.
subjects Who gets them.
roleRef The role; can't be changed.
= rbac.v1.RoleRef Names a role.
apiGroup The group rbac.authorization.k8s.io.
kind Role or ClusterRole.
name Name of the role.
= rbac.v1.Subject Somebody who gets rights.
kind User, Group or ServiceAccount.
apiGroup The group rbac.authorization.k8s.io; empty for service accounts.
name Name of the user, group or account.
namespace Namespace of the service account.
= authentication.v1.UserInfo Somebody, as the API sees them.
username The name.
uid An ID that tells this one from a later one of the same name.
groups The groups.
extra Whatever else the proof of identity said.
= authentication.v1.SelfSubjectReview Asks who one is; only the answer is of interest.
status Who one is.
= authentication.v1.SelfSubjectReviewStatus The answer: name, groups and so on.
userInfo The one who asks.
= authentication.v1.TokenReview Asks whose a token is.
spec The token.
status Whose it is.
= authentication.v1.TokenReviewSpec A token to be looked at.
token The token.
audiences Who the token is shown to; it must be for one of them.
= authentication.v1.TokenReviewStatus Whose a token is.
authenticated Whether the token is good.
user Who it stands for.
audiences Those of the audiences that it is for.
error Why it could not be told.
= authentication.v1.TokenRequest Asks for a token of a service account.
spec What the token is to be like.
status The token.
= authentication.v1.TokenRequestSpec What a token is to be like.
audiences Who is to accept it; the API server unless set.
expirationSeconds How many seconds it is to be good for; the server may shorten that.
boundObjectRef An object with whose end the token ends too.
= authentication.v1.BoundObjectReference An object that a token is bound to.
kind Pod, Secret or Node.
apiVersion Its version.
name Its name.
uid Its UID.
= authentication.v1.TokenRequestStatus A token.
token The token.
expirationTimestamp Until when it is good.
= authorization.v1.SubjectAccessReview Asks whether somebody may do something.
spec Who, and what.
status The answer.
= authorization.v1.LocalSubjectAccessReview Asks whether somebody may do something in one namespace.
spec Who, and what.
status The answer.
= authorization.v1.SelfSubjectAccessReview Asks whether one may do something oneself; kubectl auth can-i does.
spec What.
status The answer.
= authorization.v1.SelfSubjectRulesReview Asks for everything that one may do in a namespace.
spec The namespace.
status The answer.
= authorization.v1.SubjectAccessReviewSpec (authorization.v1.SelfSubjectAccessReviewSpec) Who wants to do what.
user Name of who wants to.
groups Groups of who wants to.
extra Whatever else is known about who wants to.
uid UID of who wants to.
= authorization.v1.SelfSubjectAccessReviewSpec What is to be done; one of these.
resourceAttributes Something with objects.
nonResourceAttributes Something with a path beside the objects.
= authorization.v1.ResourceAttributes Something to be done with objects.
namespace In which namespace; empty for all, or for kinds that belong to the whole cluster.
verb What, such as get; * for everything.
group Group of the objects; * for all.
version Version of the objects; * for all.
resource The resource, such as pods; * for all.
subresource The subresource, if any.
name Name of the object; empty for all.
fieldSelector Only objects that this field selector chooses.
labelSelector Only objects that this label selector chooses.
= authorization.v1.FieldSelectorAttributes A field selector, as text or in parts.
rawSelector The text of the request; not together with requirements.
requirements The parts, all of which hold.
= authorization.v1.LabelSelectorAttributes (authorization.v1.FieldSelectorAttributes) A label selector, as text or in parts.
= authorization.v1.NonResourceAttributes Something to be done with a path.
path The path.
verb What, such as get.
= authorization.v1.SubjectAccessReviewStatus Whether something may be done.
allowed Whether it may.
denied Whether it is forbidden, so that nobody else need be asked.
reason Why.
evaluationError What went wrong in finding out; the answer may hold nevertheless.
= authorization.v1.SelfSubjectRulesReviewSpec Where one wants to know one's rights.
namespace The namespace.
= authorization.v1.SubjectRulesReviewStatus Everything that may be done.
resourceRules With objects.
nonResourceRules With paths beside the objects.
incomplete Whether something may be missing in the lists.
evaluationError What went wrong in finding out.
= authorization.v1.ResourceRule Something that may be done with objects.
verbs What; * for everything.
apiGroups In these groups; * for all.
resources To these resources; * for all.
resourceNames Only to objects of these names; to all if empty.
= authorization.v1.NonResourceRule Something that may be done with paths.
verbs What; * for everything.
nonResourceURLs The paths; * at the end stands for anything.
= certificates.v1.CertificateSigningRequest Asks for a certificate; somebody approves it, and a signer issues it.
spec What is to be certified, and who asks.
status Whether it was approved, and the certificate.
= certificates.v1.CertificateSigningRequestSpec What is to be certified, and who asks; can't be changed.
request The request by PKCS #10, as PEM in base64.
signerName Who is to sign, such as kubernetes.io/kube-apiserver-client.
expirationSeconds For how many seconds the certificate is wanted; the signer may decide otherwise.
usages What the key may be used for, such as client auth.
username Who asks; filled in by the server.
uid UID of who asks; filled in by the server.
groups Groups of who asks; filled in by the server.
extra Whatever else is known about who asks; filled in by the server.
= certificates.v1.CertificateSigningRequestStatus What became of a request for a certificate.
conditions Approved, Denied or Failed.
certificate The certificates, as PEM in base64.
= certificates.v1.CertificateSigningRequestCondition (meta.v1.Condition) A decision about a request for a certificate.
`
