/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.Service One name and address for a group of pods.
spec Which pods, which ports, and from where they are reached.
status What became of it; for load balancers, their addresses.
= core.v1.ServiceSpec What is wanted of a Service.
ports The ports of the service, and where they lead.
selector Labels of the pods that serve; without any, its endpoints are written by somebody else.
clusterIP Its address within the cluster: given by the server unless asked for; None for a headless service, whose name leads to the pods.
clusterIPs Its addresses within the cluster, one for each IP family; the first is clusterIP.
type ClusterIP for the cluster alone, NodePort for a port of every node, LoadBalancer for one outside, ExternalName for another name.
externalIPs Further addresses whose traffic nodes take in for it; leading them to the nodes is up to you.
sessionAffinity ClientIP leads a client to the same pod each time; None, unless set.
loadBalancerIP Asks the load balancer for this address; given up upstream, as few heed it.
loadBalancerSourceRanges The only address ranges that the load balancer lets in.
externalName The DNS name that the service stands for; for type ExternalName only.
externalTrafficPolicy For traffic from outside: Cluster spreads it over all pods, Local keeps it on the node and keeps the client's address.
healthCheckNodePort The port at which load balancers ask a node whether it has pods; for Local only.
publishNotReadyAddresses Whether pods that are not ready are found as well.
sessionAffinityConfig Details of sessionAffinity.
ipFamilies The IP families it has, IPv4 or IPv6, in their order.
ipFamilyPolicy Whether it has one family or both: SingleStack, PreferDualStack or RequireDualStack.
allocateLoadBalancerNodePorts Whether a LoadBalancer gets ports on the nodes too; true unless set.
loadBalancerClass Which implementation is to make the load balancer; the cluster's own unless set.
internalTrafficPolicy For traffic from within: Cluster spreads it over all pods, Local keeps it on the node.
trafficDistribution Which pods are preferred, such as PreferSameZone or PreferSameNode.
= core.v1.ServicePort A port of a service, and where it leads.
name Name of the port; needed when there are several.
protocol TCP, UDP or SCTP; TCP unless set.
appProtocol What is spoken on it, such as http or kubernetes.io/h2c; a hint for whoever passes it on.
port The port of the service.
targetPort Number or name of the pods' port; the same as port unless set.
nodePort The port of every node that leads here; chosen by the server where one is needed.
= core.v1.SessionAffinityConfig Details of session affinity.
clientIP Details of type ClientIP.
= core.v1.ClientIPConfig Details of session affinity by the client's address.
timeoutSeconds How many seconds a client stays with its pod; 10800 unless set.
= core.v1.ServiceStatus What became of a service.
loadBalancer The load balancer, if it has one.
conditions Single aspects of its state.
= core.v1.LoadBalancerStatus A load balancer's state.
ingress The addresses that it is reached at.
= core.v1.LoadBalancerIngress An address of a load balancer.
ip Its IP address, where it has one.
hostname Its DNS name, where it has one.
ipMode VIP if nodes see traffic with this address as its destination, Proxy if with their own.
ports Its ports, and what went wrong with each.
= core.v1.PortStatus A port of a load balancer.
port Its number.
protocol TCP, UDP or SCTP.
error What went wrong, as one word, if anything did.
= core.v1.Endpoints The addresses behind a service; EndpointSlices replace it.
subsets Addresses that have the same ports.
= core.v1.EndpointSubset Each of the addresses together with each of the ports.
addresses Those that serve.
notReadyAddresses Those that are not ready to serve.
ports The ports that each of them has.
= core.v1.EndpointAddress An address behind a service.
ip The address.
hostname The host name of what is there.
nodeName The node that it is on.
targetRef The object that it belongs to, mostly a pod.
= core.v1.EndpointPort A port behind a service.
name Name of the service's port.
port The number on the addresses.
protocol TCP, UDP or SCTP; TCP unless set.
appProtocol What is spoken on it; a hint for whoever passes it on.
= discovery.v1.EndpointSlice Some of the addresses behind a service; the label kubernetes.io/service-name says which.
addressType IPv4, IPv6 or FQDN; fixed at creation.
endpoints The addresses, at most 1000.
ports The ports that each of them has.
= discovery.v1.Endpoint An address behind a service, and what is known of it.
addresses The addresses of one and the same thing; clients use the first.
conditions Whether it serves.
hostname The host name of what is there.
targetRef The object that it belongs to, mostly a pod.
deprecatedTopology Further facts from the time before version 1; can't be written any more.
nodeName The node that it is on.
zone The zone that it is in.
hints Who should rather use it.
= discovery.v1.EndpointConditions Whether an endpoint serves.
ready Whether it takes new traffic: it serves and is not being ended, or all are published.
serving Whether it is ready, even while it is being ended.
terminating Whether it is being ended.
= discovery.v1.EndpointHints Who should rather use an endpoint.
forZones Clients in these zones.
forNodes Clients on these nodes.
= discovery.v1.ForZone A zone.
name Name of the zone.
= discovery.v1.ForNode A node.
name Name of the node.
= discovery.v1.EndpointPort (core.v1.EndpointPort) A port behind a service.
= networking.v1.Ingress Leads HTTP requests from outside to services, by host and path.
spec Which requests go where.
status The addresses that it is reached at.
= networking.v1.IngressSpec What is wanted of an Ingress.
ingressClassName The IngressClass whose controller serves it; the default one unless set.
defaultBackend Where requests go that no rule matches.
tls Certificates for hosts.
rules Hosts, and where their requests go.
= networking.v1.IngressTLS A certificate for some hosts.
hosts The hosts; they should be names in the certificate.
secretName The Secret of type kubernetes.io/tls with certificate and key.
= networking.v1.IngressRule A host, and where its requests go.
host Name of the host, whole or as *.example.org; any unless set.
http Where requests go, by path.
= networking.v1.HTTPIngressRuleValue Where requests to a host go, by path.
paths The paths; the longest that matches decides.
= networking.v1.HTTPIngressPath A path, and where its requests go.
path The path; begins with a slash.
pathType Exact for the very path, Prefix for it and what is below it, ImplementationSpecific for what the controller makes of it.
backend Where requests go.
= networking.v1.IngressBackend Where requests go; one of these.
service A port of a service.
resource Another object, in the same namespace.
= networking.v1.IngressServiceBackend Which service, and which of its ports.
name Name of the service, in the same namespace.
port Its port.
= networking.v1.ServiceBackendPort A port of a service, by name or by number.
name Name of the port.
number Number of the port.
= networking.v1.IngressStatus The state of an Ingress.
loadBalancer The addresses that it is reached at.
= networking.v1.IngressLoadBalancerStatus (core.v1.LoadBalancerStatus) A load balancer's state.
= networking.v1.IngressLoadBalancerIngress (core.v1.LoadBalancerIngress) An address of a load balancer.
= networking.v1.IngressPortStatus (core.v1.PortStatus) A port of a load balancer.
= networking.v1.IngressClass A controller of Ingresses, and its settings.
spec Which controller, and where its settings are.
= networking.v1.IngressClassSpec Which controller serves a class, and where its settings are.
controller Name of the controller, such as example.org/ingress; can't be changed.
parameters An object with settings for it.
= networking.v1.IngressClassParametersReference An object with settings for a controller.
apiGroup Its group; the core group unless set.
kind Its kind.
name Its name.
scope Cluster or Namespace.
namespace Its namespace; for scope Namespace only.
= networking.v1.NetworkPolicy Which traffic pods let in and out.
spec Which pods, and which traffic.
= networking.v1.NetworkPolicySpec Which pods, and which traffic they let in and out.
podSelector The pods; an empty selector means all of the namespace.
ingress What is let in; nothing if it is empty and policyTypes has Ingress.
egress What is let out; nothing if it is empty and policyTypes has Egress.
policyTypes Whether it is about Ingress, Egress or both; by default about Ingress, and about Egress if that has rules.
= networking.v1.NetworkPolicyIngressRule Traffic that is let in: from these peers to these ports.
ports The pods' ports; all unless set.
from The peers; all unless set.
= networking.v1.NetworkPolicyEgressRule Traffic that is let out: to these peers and ports.
ports The peers' ports; all unless set.
to The peers; all unless set.
= networking.v1.NetworkPolicyPort Ports of one protocol.
protocol TCP, UDP or SCTP; TCP unless set.
port Number or name of the port, or the first of a range; all unless set.
endPort The last of a range.
= networking.v1.NetworkPolicyPeer Somebody to talk to: pods, or a range of addresses.
podSelector Pods, in the policy's own namespace or in those of namespaceSelector.
namespaceSelector Namespaces; all pods in them unless podSelector narrows that down.
ipBlock A range of addresses; not together with the others.
= networking.v1.IPBlock A range of addresses.
cidr The range, such as 192.0.2.0/24.
except Ranges within it that are left out.
`
