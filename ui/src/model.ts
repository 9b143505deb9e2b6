// The objects as the server sends them: operator/taskfleet/ui/shapes.py.

export type Kind = "WorkerPool" | "TaskQueue" | "PeriodicSchedule" | "Broker";

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

export interface Reference {
  kind: string;
  namespace: string;
  name: string;
}

interface Common<K extends Kind, Spec, Status> extends Reference {
  kind: K;
  created: string | null;
  spec: Spec;
  status: Status & { conditions?: Condition[] };
  attention: string[];
}

export interface Decision {
  time: string;
  from: number;
  to: number;
  reason: string;
  message: string;
}

export interface Answer {
  token: string;
  messages?: number;
  tasks?: number;
  withoutMessage?: number;
  chordMembers?: number;
  refused?: string | null;
  taskId?: string;
}

interface BrokerRef {
  brokerRef?: { name?: string };
}

export type Pool = Common<
  "WorkerPool",
  BrokerRef & {
    app: string;
    image: string;
    pool?: string;
    concurrency?: number;
    queues?: string[];
    replicas?: number;
    autoscale?: { minReplicas?: number; maxReplicas?: number; mode?: string };
    suspend?: boolean;
  },
  {
    replicas?: number;
    readyReplicas?: number;
    desiredReplicas?: number;
    busyReplicas?: number;
    drainingReplicas?: number;
    waiting?: number;
    inFlight?: number;
    requeued?: number;
    deadLetters?: number;
    lastRequeue?: Answer;
    lastForget?: Answer;
    lastFailedTasks?: Answer;
    notes?: string[];
    worker?: {
      celeryVersion: string;
      kombuVersion: string;
      pythonVersion: string;
      pool: string;
      capacity: number;
      queues?: string[];
      acksLate: boolean;
      prefetchCount: number;
    };
    runtimeVersion?: string;
    lastDecision?: Decision;
    decisions?: Decision[];
  }
>;

export type Queue = Common<
  "TaskQueue",
  BrokerRef & { queueName?: string; alertAbove?: { waiting?: number; age?: string } },
  {
    waiting?: number;
    unacked?: number;
    oldestAge?: string;
    consumers?: number;
    pools?: string[];
    arrivalRate?: number;
    completionRate?: number;
    otherRate?: number;
    lastPurge?: Answer;
  }
>;

export type Schedule = Common<
  "PeriodicSchedule",
  BrokerRef & {
    task: string;
    queue?: string;
    schedule?: string;
    interval?: string;
    solar?: { event: string; latitude: number; longitude: number };
    clocked?: string;
    timeZone?: string;
    suspend?: boolean;
  },
  {
    lastScheduleTime?: string;
    nextScheduleTime?: string;
    totalRunCount?: number;
    missedRunCount?: number;
    lastTaskId?: string;
    lastTrigger?: Answer;
  }
>;

export type Broker = Common<
  "Broker",
  { external: boolean; visibilityTimeout?: string },
  {
    endpoint?: string;
    version?: string;
    memory?: string;
    clients?: number;
    foreignUnacked?: number;
    unconsumedQueues?: { name: string; waiting: number }[];
    expiredRequeued?: number;
    expiredUnroutable?: number;
  }
>;

export interface Happening extends Reference {
  kind: "Event";
  about: { kind: string; name: string };
  type: string;
  reason: string;
  message: string;
  count: number;
  first: string;
  last: string;
}

export type Stored = Pool | Queue | Schedule | Broker;

export function queueName(queue: Queue): string {
  return queue.spec.queueName ?? queue.name;
}

export function brokerName(object: Pool | Queue | Schedule): string {
  return object.spec.brokerRef?.name ?? "default";
}

export function poolQueues(pool: Pool): string[] {
  return pool.spec.queues ?? pool.status.worker?.queues ?? [];
}

export function condition(object: Stored, type: string): Condition | undefined {
  return object.status.conditions?.find((one) => one.type === type);
}

// The conditions that ask for attention, in the order of the status.
export function problems(object: Stored): Condition[] {
  return (object.status.conditions ?? []).filter((one) => object.attention.includes(one.type));
}
