// Realistic files, by where each kind comes from. The names of hosts are invented.

export const realFiles: Readonly<Record<string, string>> = {
  "Kafka's own connect-mirror-maker.properties": `
# specify any number of cluster aliases
clusters = A, B

# connection information for each cluster
# This is a comma separated host:port pairs for each cluster
# for e.g. "A_host1:9092, A_host2:9092, A_host3:9092"
A.bootstrap.servers = A_host1:9092, A_host2:9092, A_host3:9092
B.bootstrap.servers = B_host1:9092, B_host2:9092, B_host3:9092

# enable and configure individual replication flows
A->B.enabled = true

# regex which defines which topics gets replicated. For eg "foo-.*"
A->B.topics = .*

B->A.enabled = true
B->A.topics = .*

# Setting replication factor of newly created remote topics
replication.factor=1

############################# Internal Topic Settings  #############################
checkpoints.topic.replication.factor=1
heartbeats.topic.replication.factor=1
offset-syncs.topic.replication.factor=1

offset.storage.replication.factor=1
status.storage.replication.factor=1
config.storage.replication.factor=1

# replication.policy.separator = _
# sync.topic.acls.enabled = false
# emit.heartbeats.interval.seconds = 5
`,
  'from one managed cluster to another': `
clusters = msksource, mskdest
msksource.bootstrap.servers = b-1.one.example.com:9094,b-2.one.example.com:9094,
mskdest.bootstrap.servers = b-1.two.example.com:9094
msksource.security.protocol = SSL
mskdest.security.protocol = SSL
msksource->mskdest.enabled = true
msksource->mskdest.topics = Example.*, (orders,payments)-v[0-9]+
mskdest->msksource.enabled = false
tasks.max = 12
sync.topic.acls.enabled = false
refresh.topics.interval.seconds = 60
refresh.groups.interval.seconds = 60
emit.checkpoints.interval.seconds = 20
sync.group.offsets.enabled = true
topics.exclude = .*[\\\\-\\\\.]internal, .*\\\\.replica, __.*, connect-.*
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
`,
  'the way to keep names before Kafka 3.0': `
clusters = old, new
old.bootstrap.servers = old1:9092
new.bootstrap.servers = new1:9092
old->new.enabled = true
source.cluster.alias =
target.cluster.alias =
replication.policy.separator =
key.converter = org.apache.kafka.connect.converters.ByteArrayConverter
value.converter = org.apache.kafka.connect.converters.ByteArrayConverter
`,
  'hub and spoke, an alias of its own for the names': `
clusters: hub, east, west
hub.bootstrap.servers: hub:9092
east.bootstrap.servers: east:9092
west.bootstrap.servers: west:9092
east->hub.enabled: true
west->hub.enabled: true
east->hub.source.cluster.alias: use1
replication.policy.separator: -
west->hub.topics: clicks, carts
east.consumer.auto.offset.reset: latest
east->hub.consumer.auto.offset.reset: earliest
hub.producer.linger.ms: 100
east->hub.producer.override.linger.ms: 20
`,
  'one broker, active-passive': `
clusters=primary,backup
primary.bootstrap.servers=127.0.0.1:9092
backup.bootstrap.servers=127.0.0.1:9093
primary->backup.enabled=TRUE
backup->primary.enabled=false # passive
replication.factor=1
primary.consumer.isolation.level=read_committed
primary.consumer.max.poll.records=2000
backup.producer.acks=all
`
}
